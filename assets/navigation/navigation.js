// A link to another page that was pressed is followed, whatever the page left behind tells Streamlit meanwhile: a canvas
// that sends what is on it says along with it which page it is on, and Streamlit would stay there. So the link is
// pressed again, once all is quiet, until its page is there; whoever presses something else meanwhile has changed their mind.

const press = (window.oddDigitPress ??= { wanted: null, quiet: 0 }); // outlives the page that it was pressed on

function pressed(event) {
  if (!event.isTrusted) return;
  const link = event.target.closest('[data-testid="stPageLink-NavLink"]');
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
  press.wanted = link && !elsewhere ? { href: link.href, path: link.pathname, tries: 3 } : null;
  press.quiet = 0;
}

// What a button opens stands at the end of the document: opened by the keyboard, it takes the keyboard with it.
function opened(event) {
  if (event.key !== "Enter" && event.key !== " ") return;
  if (!event.target.closest?.('[data-testid="stPopover"]')) return;
  setTimeout(() => {
    const first = '[role="radio"][tabindex="0"], input, button, [tabindex="0"]';
    document.querySelector('[data-testid="stPopoverBody"]')?.querySelector(first)?.focus();
  }, 200);
}

function forget() {
  press.wanted = null;
}

function look() {
  const { wanted } = press;
  if (!wanted) return;
  const app = document.querySelector('[data-testid="stApp"]');
  press.quiet = app && app.dataset.testScriptState === "notRunning" ? press.quiet + 1 : 0;
  if (press.quiet < 7) return;
  press.quiet = 0;
  const there = location.pathname === wanted.path;
  const link = [...document.querySelectorAll('[data-testid="stPageLink-NavLink"]')].find((one) => one.href === wanted.href);
  if (there || !link || !wanted.tries--) press.wanted = null;
  else link.click();
}

export default function () {
  document.addEventListener("click", pressed, true);
  document.addEventListener("keydown", opened, true);
  addEventListener("popstate", forget);
  const again = setInterval(look, 200);
  return () => {
    document.removeEventListener("click", pressed, true);
    document.removeEventListener("keydown", opened, true);
    removeEventListener("popstate", forget);
    clearInterval(again);
  };
}
