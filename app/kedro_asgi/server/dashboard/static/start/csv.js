// Comma- or tab-separated text, as spreadsheets and files have it.

// Return the rows of `text` as lists of texts; a cell in quotes may hold separators, quotes and line ends.
export function parseCsv(text, separator = separatorOf(text)) {
  const rows = [[]];
  let place = 0;
  while (place < text.length) {
    const cell = text[place] === '"' ? quotedCell(text, place) : plainCell(text, place, separator);
    rows.at(-1).push(cell.text);
    const end = text[cell.end];
    place = cell.end + 1;
    if (end === "\r" && text[place] === "\n") place += 1;
    if (end === separator && place >= text.length) rows.at(-1).push("");
    if (end !== separator && place < text.length) rows.push([]);
  }
  return rows.filter((row) => row.length);
}

// A spreadsheet copies with tabs; a file of a country with decimal commas has semicolons.
export function separatorOf(text) {
  const first = text.split(/\r?\n/, 1)[0];
  return ["\t", ";", ","].find((candidate) => first.includes(candidate)) ?? ",";
}

function quotedCell(text, start) {
  let end = start + 1;
  while (end < text.length && (text[end] !== '"' || text[end + 1] === '"')) end += text[end] === '"' ? 2 : 1;
  return { text: text.slice(start + 1, end).replaceAll('""', '"'), end: end + 1 };
}

function plainCell(text, start, separator) {
  let end = start;
  while (end < text.length && text[end] !== separator && text[end] !== "\n" && text[end] !== "\r") end += 1;
  return { text: text.slice(start, end), end };
}
