// Short texts that a screen reader speaks when something changes by itself.

export function announce(text) {
  document.getElementById("announcements").textContent = text;
}
