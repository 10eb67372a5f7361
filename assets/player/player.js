// Plays a training epoch by epoch: the sixteen digits follow the slider at once. It stays at the newest epoch until a
// person moves it; where it is let go is sent, nothing when it follows. What was typed into a field of the page counts as
// well where Escape closes what the field lies in: Streamlit would send it when the field is left, which is gone by then.

const PAUSE = 220; // milliseconds an epoch is shown
const instances = new WeakMap();

function leaveField({ key, target }) {
  if (key === "Escape" && target.matches?.('[data-testid="stPopoverBody"] input')) target.blur();
}

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  let ui = instances.get(parentElement);
  if (!ui) instances.set(parentElement, (ui = new Player(parentElement)));
  ui.send = (epoch) => setStateValue("place", epoch);
  ui.show(data);
  document.addEventListener("keydown", leaveField, true);
  return () => {
    document.removeEventListener("keydown", leaveField, true);
    ui.stop();
  };
}

class Player {
  constructor(parent) {
    this.find = (selector) => parent.querySelector(selector);
    this.slider = this.find("input");
    this.button = this.find(".play");
    this.slider.addEventListener("input", () => { this.stop(); this.go(+this.slider.value); });
    this.slider.addEventListener("change", () => this.tell());
    this.button.addEventListener("click", () => (this.timer ? this.pause() : this.play()));
  }

  show(data) {
    const other = !this.data || this.data.of !== data.of;
    this.data = data;
    this.slider.max = data.frames.length;
    this.slider.disabled = this.button.disabled = data.frames.length < 2;
    if (other) { this.stop(); this.following = true; }
    this.go(this.following && !this.timer ? data.frames.length : Math.min(this.at, data.frames.length));
  }

  go(number) {
    this.at = number;
    const frame = this.data.frames[number - 1];
    this.slider.value = number;
    this.slider.setAttribute("aria-valuetext", frame.say);
    this.find(".sheet").src = frame.sheet;
    this.find(".said").textContent = frame.say;
    this.button.textContent = this.timer ? "❚❚ pause" : "▶ play";
  }

  play() {
    if (this.at >= this.data.frames.length) this.go(1);
    this.timer = setInterval(() => {
      if (this.at < this.data.frames.length) this.go(this.at + 1);
      if (this.at >= this.data.frames.length) this.pause();
    }, PAUSE);
    this.go(this.at);
  }

  pause() { this.stop(); this.go(this.at); this.tell(); }

  stop() { clearInterval(this.timer); this.timer = null; }

  tell() {
    this.following = this.at >= this.data.frames.length;
    this.send({ of: this.data.of, epoch: this.following ? null : this.at });
  }
}
