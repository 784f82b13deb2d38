"use strict";
(() => {
  // Inside the overlay the shop's page is told; it decides where to go.
  if (!new URLSearchParams(location.search).has("overlay") || window.parent === window) return;
  const state = document.body.dataset.snap || "";
  const result = JSON.parse(document.body.dataset.result || "null");
  const tell = (snap, more) => window.parent.postMessage({ snap, ...more }, location.origin);
  tell("state", { state, result });
  const back = document.getElementById("back");
  if (back) back.addEventListener("click", (event) => { event.preventDefault(); tell(state, { result }); });
  if (state === "success") setTimeout(() => tell(state, { result }), 1500);
})();
