"use strict";
// The page works without this script: it only spares the customer a page change and a reload.
(() => {
  const SNAP_WAIT = 3000;
  let snapFailed = true;
  let polling = false;
  let paying = false;

  const main = () => document.querySelector("main[data-order-id]");
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const open = (state) => state === "Created" || state === "Pending";

  const loadSnap = () => {
    const form = document.querySelector("form.pay[data-snap-js]");
    if (!form) return;
    snapFailed = false;
    const script = document.createElement("script");
    script.src = form.dataset.snapJs;
    script.async = true;
    script.setAttribute("data-client-key", form.dataset.clientKey);
    script.onerror = () => { snapFailed = true; };
    document.head.append(script);
  };

  const snapWithin = async (deadline) => {
    while (!window.snap && !snapFailed && Date.now() < deadline) await sleep(50);
    return window.snap;
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main[data-order-id]");
    const shown = main();
    if (!fresh || !shown) return;
    const changed = ["payment", "repair", "orderId", "total"].some((key) => fresh.dataset[key] !== shown.dataset[key]);
    // A form being sent is not taken from under the customer's finger, unless there is news.
    if (changed || (!paying && fresh.innerHTML !== shown.innerHTML)) shown.replaceWith(fresh);
  };

  const poll = async (every, times, wanted) => {
    const before = main()?.dataset.payment;
    for (let n = 0; n < times && wanted(before); n += 1) {
      await sleep(every);
      if (document.hidden) continue;
      try { await refresh(); } catch { /* the next turn asks again */ }
    }
  };

  const watch = async () => {
    if (polling) return;
    polling = true;
    try {
      await poll(5000, 60, () => open(main()?.dataset.payment));
    } finally { polling = false; }
  };

  const settle = async () => {
    idle();
    await poll(2000, 30, (before) => main()?.dataset.payment === before);
    watch();
  };

  const idle = () => {
    paying = false;
    document.querySelectorAll("form.pay button").forEach((button) => {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    });
  };

  const pay = async (form) => {
    const deadline = Date.now() + SNAP_WAIT;
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      redirect: "error",
    });
    if (!answer.ok) throw new Error("not opened");
    const { token, redirect_url: redirect } = await answer.json();
    if (!redirect) throw new Error("no page");
    const snap = token && (await snapWithin(deadline));
    if (!snap) {
      location.assign(redirect);
      return;
    }
    snap.pay(token, { onSuccess: settle, onPending: settle, onError: settle, onClose: settle });
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form.pay")) return;
    event.preventDefault();
    if (paying) return;
    paying = true;
    const button = form.querySelector("button");
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    pay(form).catch(() => form.submit());
  });

  // A page taken from the browser's history is as it was left: with its button still busy.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    idle();
    refresh().catch(() => {});
    watch();
  });

  loadSnap();
  watch();
})();
