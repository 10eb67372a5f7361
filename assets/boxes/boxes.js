// A picture with a box around each digit in it; pressing a box chooses that digit.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const sheet = parentElement.querySelector(".sheet"), page = sheet.querySelector(".page");
  if (page.src !== data.picture) page.src = data.picture;
  page.alt = data.alt;
  const buttons = [...sheet.querySelectorAll("button")];
  data.boxes.forEach((box, i) => {
    const button = buttons[i] || sheet.appendChild(document.createElement("button"));
    button.type = "button";
    button.className = [box.anomaly && "anomaly", box.id === data.chosen && "chosen"].filter(Boolean).join(" ");
    button.title = box.say;
    button.setAttribute("aria-label", box.say);
    button.setAttribute("aria-pressed", box.id === data.chosen);
    const [left, top, right, bottom] = box.place.map((share) => 100 * share);
    Object.assign(button.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
    button.onclick = () => setTriggerValue("press", box.id);
  });
  buttons.slice(data.boxes.length).forEach((button) => button.remove());
}
