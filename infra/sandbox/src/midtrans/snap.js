// window.snap, for shops that open the payment page over their own. Styles go through CSSOM:
// a content policy without inline styles allows that.
(() => {
  "use strict";
  const base = new URL(".", document.currentScript.src);
  let stage = null;

  const style = (element, properties) => Object.assign(element.style, properties);
  const frameOf = (token) => {
    const frame = document.createElement("iframe");
    frame.src = new URL(`v4/redirection/${encodeURIComponent(token)}?overlay=1`, base).href;
    frame.title = "Pembayaran";
    frame.allow = "clipboard-write";
    return frame;
  };
  const tell = (options, kind, result) => {
    const name = { success: "onSuccess", pending: "onPending", error: "onError", close: "onClose" }[kind];
    if (name && typeof options?.[name] === "function") options[name](result);
  };

  const hide = () => {
    if (!stage) return;
    window.removeEventListener("message", stage.hear);
    window.removeEventListener("keydown", stage.press);
    stage.root.remove();
    stage.before?.focus?.();
    stage = null;
  };
  const begin = (root, frame, options) => {
    hide();
    let seen = null;
    const end = (kind, result) => { hide(); tell(options, kind, result); };
    const close = () => {
      if (seen) end(seen.state, seen.result); else end("close");
    };
    const hear = (event) => {
      if (event.source !== frame.contentWindow || event.origin !== base.origin) return;
      const said = event.data;
      if (said?.snap === "state") seen = said.state ? said : null;
      else if (said?.snap === "close") close();
      else if (said?.snap) end(said.snap, said.result);
    };
    const press = (event) => { if (event.key === "Escape") close(); };
    window.addEventListener("message", hear);
    window.addEventListener("keydown", press);
    stage = { root, hear, press, before: document.activeElement };
    return close;
  };

  const pay = (token, options = {}) => {
    const root = document.createElement("div");
    root.setAttribute("role", "dialog");
    root.setAttribute("aria-modal", "true");
    root.setAttribute("aria-label", "Pembayaran");
    style(root, {
      position: "fixed", inset: "0", zIndex: "2147483000", display: "grid", placeItems: "center",
      background: "rgba(15, 23, 42, .55)", padding: "12px",
    });
    const box = document.createElement("div");
    style(box, {
      position: "relative", width: "min(430px, 100%)", height: "min(720px, 100%)", borderRadius: "18px",
      overflow: "hidden", background: "#fff", boxShadow: "0 24px 80px rgba(0, 0, 0, .35)",
    });
    const frame = frameOf(token);
    style(frame, { width: "100%", height: "100%", border: "0", display: "block" });
    const cross = document.createElement("button");
    cross.type = "button";
    cross.textContent = "×";
    cross.setAttribute("aria-label", "Tutup");
    style(cross, {
      position: "absolute", top: "10px", right: "10px", width: "40px", height: "40px", border: "0",
      borderRadius: "50%", background: "rgba(255, 255, 255, .92)", color: "#0f172a", fontSize: "24px",
      lineHeight: "1", cursor: "pointer",
    });
    box.append(frame, cross);
    root.append(box);
    const close = begin(root, frame, options);
    cross.addEventListener("click", close);
    document.body.append(root);
    cross.focus();
  };
  const embed = (token, options = {}) => {
    const place = document.getElementById(options.embedId);
    if (!place) throw new Error("snap.embed: no element with that embedId");
    const frame = frameOf(token);
    style(frame, { width: "100%", height: "100%", minHeight: "560px", border: "0" });
    begin(frame, frame, options);
    place.append(frame);
  };
  window.snap = { pay, hide, embed };
})();
