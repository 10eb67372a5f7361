// No press is lost as a page is left. Whatever was pressed just before a link, Streamlit may drop once it hears of the
// other page: so the link waits until the page has been drawn with it. And a link that was pressed is followed, whatever
// the page left behind tells Streamlit meanwhile: a canvas that sends what is on it says along with it which page it is
// on, and Streamlit would stay there. So the link is pressed again, once all is quiet, until its page is there; whoever
// presses something else meanwhile has changed their mind.

const NAMES = '[data-testid="stPageLink-NavLink"]';
const JUST_NOW = 10000; // ms, in which a busy server on a slow line has heard of a press
const press = (window.oddDigitPress ??= { wanted: null, quiet: 0, last: 0 }); // outlives the page that it was pressed on

function idle() {
  return document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
}

// The first page's own address is empty, which as a link would be this page.
function path(href) {
  return new URL(/^[^?]/.test(href) ? href : `./${href}`, location.href).pathname;
}

function pressed(event) {
  if (!event.isTrusted) return;
  const link = event.target.closest(NAMES);
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey;
  const href = link?.getAttribute("href");
  press.wanted = link && !elsewhere ? { href, path: path(href), tries: 3 } : null;
  press.quiet = 0;
  const now = performance.now();
  if (press.wanted && (!idle() || now - press.last < JUST_NOW)) {
    event.preventDefault();
    event.stopPropagation();
    press.wanted.told = now;
    press.tell("pressed", now);
  }
  if (!link) press.last = now;
}

function follow() {
  [...document.querySelectorAll(NAMES)].find((one) => one.getAttribute("href") === press.wanted.href)?.click();
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
  press.quiet = idle() ? press.quiet + 1 : 0;
  if (press.quiet < 7) return;
  press.quiet = 0;
  if (location.pathname === wanted.path || !wanted.tries--) press.wanted = null;
  else follow();
}

export default function ({ data, setStateValue }) {
  press.tell = setStateValue;
  if (data && press.wanted?.told === data) {
    press.wanted.told = null;
    follow();
  }
  document.addEventListener("click", pressed, true);
  document.addEventListener("keydown", opened, true);
  addEventListener("popstate", forget);
  clearInterval(press.again); // every answer of the server begins anew here; the end below is of the page's
  press.again = setInterval(look, 200);
  return () => {
    document.removeEventListener("click", pressed, true);
    document.removeEventListener("keydown", opened, true);
    removeEventListener("popstate", forget);
    clearInterval(press.again);
  };
}
