// What a page does for presses. A choice made in the very moment in which the next page begins reaches nobody: Streamlit's
// browser side forgets what the page before showed as the next one arrives. So the choice is made there, once all is
// quiet, if that page has it and does not show it yet. What a button opens stands at the end of the document: opened by
// the keyboard, it takes the keyboard with it. What is typed there counts where Escape closes it, too: a field that is
// gone before it is left says nothing. And one press is one step of the browser's way back, however often the page that
// it leads to completes its link.

const LINK = '[data-testid="stPageLink-NavLink"]';
const WAIT = 200; // ms between looks
const seen = (window.oddDigitPresses ??= { page: null, leaving: false, choice: null, quiet: 0 }); // outlives its page

function pressed({ target }) {
  const radio = target.closest('[role="radio"]');
  const group = radio?.closest('[role="radiogroup"]')?.getAttribute("aria-label");
  seen.choice = seen.leaving && group ? { group, text: radio.innerText } : null;
  if (target.closest(LINK)) seen.leaving = true;
}

function look() {
  const idle = document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning";
  seen.quiet = idle ? seen.quiet + 1 : 0;
  if (seen.quiet < 3) return;
  clearInterval(seen.looks);
  const { choice } = seen;
  seen.leaving = false;
  seen.choice = null;
  const radios = choice && document.querySelectorAll(`[role="radiogroup"][aria-label="${CSS.escape(choice.group)}"] [role="radio"]`);
  const missed = [...(radios ?? [])].find((one) => one.innerText === choice.text && one.ariaChecked !== "true");
  missed?.click();
}

function typed({ key, target }) {
  if (key === "Escape" && target.matches?.('[data-testid="stPopoverBody"] input')) target.blur();
  if ((key !== "Enter" && key !== " ") || !target.closest?.('[data-testid="stPopover"]')) return;
  setTimeout(() => {
    const first = '[role="radio"][tabindex="0"], input, button, [tabindex="0"]';
    document.querySelector('[data-testid="stPopoverBody"]')?.querySelector(first)?.focus();
  }, WAIT);
}

function stepOnce() {
  const push = history.pushState.bind(history);
  seen.stepped = false; // since the last press, or the last step back
  history.pushState = (...step) => {
    if (seen.stepped) history.replaceState(...step);
    else push(...step);
    seen.stepped = true;
  };
  for (const press of ["pointerdown", "keydown"]) addEventListener(press, () => (seen.stepped = false), true);
  addEventListener("popstate", () => (seen.stepped = true), true);
}
if (seen.stepped === undefined) stepOnce();

export default function ({ data }) {
  if (seen.page !== data) {
    seen.page = data;
    seen.quiet = 0;
    clearInterval(seen.looks);
    seen.looks = setInterval(look, WAIT);
  }
  document.addEventListener("click", pressed, true);
  document.addEventListener("keydown", typed, true);
  return () => {
    document.removeEventListener("click", pressed, true);
    document.removeEventListener("keydown", typed, true);
  };
}
