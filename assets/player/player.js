// Plays a training epoch by epoch: the sixteen digits follow the slider at once. It stays at the newest epoch until a
// person moves it; where it is let go is sent, nothing when it follows.

const PAUSE = 220; // milliseconds an epoch is shown
const instances = new WeakMap();

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  let ui = instances.get(parentElement);
  if (!ui) instances.set(parentElement, (ui = new Player(parentElement)));
  ui.send = (epoch) => setStateValue("place", epoch);
  ui.show(data);
  return () => ui.stop();
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
