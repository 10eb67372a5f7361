// What a button opens stands at the end of the document: opened by the keyboard, it takes the keyboard with it.

function opened(event) {
  if (event.key !== "Enter" && event.key !== " ") return;
  if (!event.target.closest?.('[data-testid="stPopover"]')) return;
  setTimeout(() => {
    const first = '[role="radio"][tabindex="0"], input, button, [tabindex="0"]';
    document.querySelector('[data-testid="stPopoverBody"]')?.querySelector(first)?.focus();
  }, 200);
}

export default function () {
  document.addEventListener("keydown", opened, true);
  return () => document.removeEventListener("keydown", opened, true);
}
