"use strict";
const player = document.querySelector("audio");
const slider = document.querySelector("[role=slider]");
const now = document.querySelector(".now");
const rows = [...document.querySelectorAll(".row")];
const passages = [...document.querySelectorAll("tr[data-start]")];
const duration = Number(slider.getAttribute("aria-valuemax"));
let current = [];

function clock(seconds) {
  const whole = Math.floor(seconds), pad = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60) % 60, hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

function show() {
  const time = player.currentTime;
  for (const row of rows) {
    const start = Number(row.dataset.start), end = Number(row.dataset.end);
    const inside = time >= start && time <= end;
    for (const line of row.querySelectorAll(".at")) {
      line.style.visibility = inside ? "visible" : "hidden";
      const x = 1000 * (time - start) / Number(row.dataset.length);
      line.setAttribute("x1", x);
      line.setAttribute("x2", x);
    }
  }
  const here = passages.filter((row) => time >= Number(row.dataset.start) && time < Number(row.dataset.end));
  for (const row of current) if (!here.includes(row)) row.removeAttribute("aria-current");
  for (const row of here) if (!current.includes(row)) row.setAttribute("aria-current", "true");
  current = here;
  const said = here.length > 0 ? here.map((row) => row.dataset.said).join(", ") : "no speech";
  slider.setAttribute("aria-valuenow", time.toFixed(1));
  slider.setAttribute("aria-valuetext", `${clock(time)}, ${said}`);
  now.textContent = `${clock(time)} of ${clock(duration)}: ${said}`;
}

function seek(time, play) {
  player.currentTime = Math.min(Math.max(time, 0), duration);
  show();
  if (play) player.play().catch(() => {});
}

function toggle() {
  if (player.paused) player.play().catch(() => {});
  else player.pause();
}

for (const button of document.querySelectorAll("button[data-t]")) {
  button.addEventListener("click", () => seek(Number(button.dataset.t), true));
}
for (const row of rows) {
  row.addEventListener("click", (event) => {
    const box = row.querySelector("svg").getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    seek(Math.min(Number(row.dataset.start) + part * Number(row.dataset.length), Number(row.dataset.end)), false);
  });
}
slider.addEventListener("keydown", (event) => {
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
  if (event.key in steps) seek(player.currentTime + steps[event.key], false);
  else if (event.key === "Home") seek(0, false);
  else if (event.key === "End") seek(duration, false);
  else if (event.key === " " || event.key === "Enter") toggle();
  else return;
  event.preventDefault();
});
for (const name of ["timeupdate", "seeked", "loadedmetadata"]) player.addEventListener(name, show);
player.addEventListener("error", () => { now.textContent = "This browser cannot play the recording, or it is no longer where it was."; });
show();
