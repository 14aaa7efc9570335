// Texts for a POSIX shell.

const PLAIN = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+:,./=-]*$/;

// Return `text` as one word of a command line.
export function shellWord(text) {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// Return a command whose options stand on lines of their own if they do not fit one.
export function commandLine(words, { width = 76 } = {}) {
  const line = words.join(" ");
  return line.length <= width && !line.includes("\n") ? line : words.join(" \\\n  ");
}
