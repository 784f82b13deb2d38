"use strict";
(() => {
  // The stack's links say 127.0.0.1, and only pages of one origin may stand in the right pane.
  if (location.hostname === "localhost") {
    location.hostname = "127.0.0.1";
    return;
  }
  const query = new URLSearchParams(location.search);
  const wantsStart = query.has("start") || query.has("bot");

  // A bot's link followed inside the right pane belongs to the chat beside it.
  if (window.parent !== window) {
    window.parent.postMessage({ pesan: "start", bot: query.get("bot"), start: query.get("start") || "" }, location.origin);
    history.back();
    return;
  }

  const $ = (id) => document.getElementById(id);
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const merchantOf = (bot) => (bot || "").replace(/_?bot$/, "");
  const merchant = query.get("merchant") || merchantOf(query.get("bot")) || "demo";

  let toastTimer;
  const toast = (text) => {
    $("toast").textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { $("toast").textContent = ""; }, 6000);
  };
  const call = async (path, body) => {
    const answer = await fetch(path, body === undefined
      ? { cache: "no-store" }
      : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${text.slice(0, 200)}`);
    return text ? JSON.parse(text) : null;
  };
  const tell = (error) => toast(String(error.message || error));

  // ---- the right pane

  const frame = $("frame");
  const tabs = { shop: `/m/${merchant}`, order: null, payment: null };
  let lastGood = tabs.shop;

  const tabOf = (path) => {
    if (path.startsWith("/m/")) return "shop";
    if (/^\/[oba]\//.test(path)) return "order";
    return path.startsWith("/sandbox/midtrans") ? "payment" : null;
  };
  const local = (url) => {
    let parsed;
    try { parsed = new URL(url, location.href); } catch { return null; }
    return parsed.origin === location.origin ? parsed.pathname + parsed.search + parsed.hash : null;
  };
  const showTab = (name) => {
    document.querySelectorAll("[data-tab]").forEach((tab) => {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.disabled = !tabs[tab.dataset.tab];
    });
  };
  const address = (path) => {
    $("address").textContent = location.host + path;
    $("outside").href = path;
  };
  const open = (path, reveal) => {
    const started = path.match(/^\/sandbox\/t\.me\/([^?/]+)(?:\?(?:.*&)?start=([^&#]*))?/);
    if (started) {
      send(`/start ${decodeURIComponent(started[2] || "")}`.trim());
      return;
    }
    const tab = tabOf(path);
    if (tab) tabs[tab] = path;
    frame.src = path;
    address(path);
    showTab(tab);
    if (reveal && matchMedia("(max-width: 1000px)").matches) $("browser").scrollIntoView({ behavior: "smooth" });
  };
  const follow = (url) => {
    const path = local(url);
    if (path) open(path, true); else window.open(url, "_blank", "noopener");
  };
  frame.addEventListener("load", () => {
    let path;
    try { path = frame.contentWindow.location.pathname + frame.contentWindow.location.search; } catch { return; }
    if (!path.startsWith("/") || path === "blank" || path.startsWith("/sandbox?")) return;
    lastGood = path;
    const tab = tabOf(path);
    if (tab) tabs[tab] = path;
    address(path);
    showTab(tab);
  });
  window.addEventListener("message", (event) => {
    if (event.origin !== location.origin || event.data?.pesan !== "start") return;
    send(`/start ${event.data.start}`.trim());
    $("chat").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  document.querySelectorAll("[data-tab]").forEach((tab) => {
    tab.addEventListener("click", () => open(tabs[tab.dataset.tab]));
  });
  $("back").addEventListener("click", () => frame.contentWindow.history.back());
  $("reload").addEventListener("click", () => frame.contentWindow.location.reload());

  // ---- the chat

  const kept = (name, fresh) => {
    try {
      const value = localStorage.getItem(name) || fresh();
      localStorage.setItem(name, value);
      return value;
    } catch { return fresh(); }
  };
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private window */ } };
  const freshChat = () => String(100000000 + Math.floor(Math.random() * 800000000));
  let chat = kept("pesan-chat", freshChat);
  let shown = "";
  let seenOrder = null;
  let busy = false;
  $("language").value = kept("pesan-language", () => "id");
  const chatPath = () => `/sandbox/telegram/${merchant}/chats/${chat}`;

  const withLinks = (text) => {
    const parts = [];
    let rest = 0;
    for (const match of text.matchAll(/https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/g)) {
      parts.push(text.slice(rest, match.index));
      const link = make("a", { href: match[0], textContent: match[0].replace(/^https?:\/\//, "") });
      link.addEventListener("click", (event) => { event.preventDefault(); follow(match[0]); });
      parts.push(link);
      rest = match.index + match[0].length;
    }
    parts.push(text.slice(rest));
    return parts;
  };
  const press = async (button, message, byData) => {
    if (button.copy) {
      await navigator.clipboard?.writeText(button.copy);
      return;
    }
    if (button.url) {
      follow(button.url);
      return;
    }
    await act(async () => {
      const answer = await call(`${chatPath()}/press`, byData && button.data ? { data: button.data, message_id: message.id } : { button: button.text });
      if (answer?.url) follow(answer.url);
    });
  };
  const keyboard = (message, newest) => {
    const labels = message.buttons.flat().map((button) => button.text);
    return make("div", { className: "keys" }, ...message.buttons.map((row) => make("div", {}, ...row.map((button) => {
      const repeated = labels.filter((label) => label === button.text).length > 1;
      const key = make("button", { type: "button", textContent: button.contact ? `☎ ${button.text}` : button.text, disabled: busy });
      // A label always means the newest message's button.
      key.addEventListener("click", () => press(button, message, !newest || repeated).catch(tell));
      return key;
    }))));
  };
  const bubble = (message, newest) => {
    const content = make("div", { className: "bubble" });
    if (typeof message.photo === "string" && /^(https?:|\/|data:image)/.test(message.photo)) {
      content.append(make("img", { src: local(message.photo) || message.photo, alt: "" }));
    }
    content.append(...withLinks(message.text || ""));
    if (message.edited) content.append(make("small", { textContent: "diedit" }));
    const item = make("li", { className: message.from }, content);
    if (message.buttons?.length) item.append(keyboard(message, newest));
    return item;
  };
  const draw = (messages) => {
    const list = $("messages");
    const first = !shown;
    const state = JSON.stringify([messages, busy]);
    if (state === shown) return;
    const grew = first || JSON.stringify(messages) !== JSON.stringify(JSON.parse(shown)[0]);
    shown = state;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
    const newest = messages.findLast((message) => message.from === "bot" && message.buttons?.length);
    list.replaceChildren(...(messages.length
      ? messages.map((message) => bubble(message, message === newest))
      : [make("li", { className: "empty" }, "Mulai dengan /start", make("br"), make("small", { lang: "en", textContent: "begin with /start" }))]));
    if (grew || atEnd) list.scrollTop = list.scrollHeight;
    const orders = messages.flatMap((message) => [
      ...(message.text || "").matchAll(/https?:\/\/[^\s<>"]+\/o\/[a-z0-9]+/gi),
    ].map((match) => match[0]));
    const order = orders.length ? local(orders.at(-1)) : null;
    if (order && order !== seenOrder) {
      seenOrder = order;
      tabs.order = order;
      if (first) showTab(tabOf(lastGood)); else open(order);
    }
  };
  const readChat = async () => {
    const asked = chat;
    const answer = await call(chatPath());
    if (asked === chat) draw(answer?.messages || []);
  };
  const act = async (work) => {
    if (busy) return;
    busy = true;
    try { await work(); } catch (error) { tell(error); } finally {
      busy = false;
      await readChat().catch(() => {});
      await readMoney().catch(() => {});
    }
  };
  const send = (text) => act(() => call(`${chatPath()}/text`, {
    text, language_code: $("language").value, first_name: "Budi",
  }));
  $("say").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("text").value.trim();
    if (!text || busy) return;
    $("text").value = "";
    send(text);
  });
  ["/start", "/order", "/status", "/help"].forEach((command) => {
    const key = make("button", { type: "button", textContent: command });
    key.addEventListener("click", () => send(command));
    $("quick").append(key);
  });
  const nameChat = () => { $("chat-id").textContent = `Budi, ${chat}`; };
  $("bot-name").textContent = `${merchant}_bot`;
  $("language").addEventListener("change", () => keep("pesan-language", $("language").value));
  $("new-chat").addEventListener("click", () => {
    chat = freshChat();
    keep("pesan-chat", chat);
    shown = "";
    seenOrder = null;
    tabs.order = null;
    nameChat();
    readChat().catch(tell);
    open(tabs.shop);
  });

  // ---- the bank

  const WORDS = {
    pay: "Bayar", expire: "Kedaluwarsa", deny: "Tolak", cancel: "Batal",
    challenge: "Tantang", accept: "Terima", refund: "Refund", reverse: "Balikkan",
  };
  const ACTIONS = {
    "": ["pay", "expire"], pending: ["pay", "expire", "cancel", "deny", "challenge"],
    challenge: ["accept", "deny", "cancel"], capture: ["cancel", "refund"], settlement: ["refund", "reverse"],
    partial_refund: ["refund"], deny: ["pay"],
  };
  const TONES = { settlement: "good", capture: "good", pending: "wait", challenge: "wait", deny: "bad", expire: "bad", cancel: "bad", failure: "bad" };
  const rupiah = (amount) => `Rp${Number(amount).toLocaleString("id-ID")}`;
  let money = "";

  const transactionRow = (transaction) => {
    const held = transaction.status === "capture" && transaction.fraud_status === "challenge";
    const status = held ? "challenge" : transaction.status || "";
    const path = transaction.redirect_url && local(transaction.redirect_url);
    const name = make("button", { type: "button", className: "open", textContent: transaction.order_id, disabled: !path, title: "Buka halaman pembayaran" });
    name.addEventListener("click", () => open(path, true));
    const means = [transaction.payment_type, transaction.va_number].filter(Boolean).join(" ");
    const buttons = (ACTIONS[status] || []).map((what) => {
      const key = make("button", { type: "button", textContent: WORDS[what], title: what, className: what === "pay" ? "main" : "" });
      key.addEventListener("click", () => act(() => call(
        `/sandbox/midtrans/transactions/${encodeURIComponent(transaction.order_id)}`,
        what === "pay" && (!status || status === "deny") ? { do: what, method: $("method").value } : { do: what },
      )));
      return key;
    });
    return make("tr", {},
      make("td", {}, name, make("small", { textContent: means })),
      make("td", { textContent: rupiah(transaction.gross_amount) }),
      make("td", {}, make("span", { className: `pill ${TONES[status] || ""}`, textContent: status || "belum dipilih" })),
      make("td", {}, make("div", { className: "acts" }, ...buttons)));
  };
  async function readMoney() {
    const answer = await call("/sandbox/midtrans/transactions");
    const state = JSON.stringify(answer);
    if (state === money) return;
    money = state;
    const rows = [...answer].reverse();
    $("transactions").replaceChildren(...(rows.length
      ? rows.map(transactionRow)
      : [make("tr", {}, make("td", { colSpan: 4, className: "none" }, "Belum ada transaksi. ", make("small", { lang: "en", textContent: "Book in the chat and press Bayar Sekarang." })))]));
    const payable = rows.find((row) => row.redirect_url && local(row.redirect_url));
    tabs.payment = payable ? local(payable.redirect_url) : null;
    showTab(tabOf(lastGood));
  }

  // ---- the phones

  const TICKS = { accepted: "terkirim ke Meta", sent: "✓", delivered: "✓✓", read: "✓✓ dibaca", failed: "gagal" };
  const drawn = new Map();
  let opened = [];

  // WhatsApp's own marks: *bold*, and links.
  const withBold = (text) => text.split(/(\*[^*\n]+\*)/).flatMap((part) => (
    /^\*[^*\n]+\*$/.test(part) ? [make("b", { textContent: part.slice(1, -1) })] : withLinks(part)));
  const atHour = (seconds) => new Date(seconds * 1000).toLocaleTimeString("id-ID", { timeZone: "Asia/Jakarta", hour: "2-digit", minute: "2-digit" });
  const onPhone = (phone, path, body) => act(async () => {
    const answer = await call(`/sandbox/whatsapp/${phone}/${path}`, body);
    if (answer?.url) follow(answer.url);
    if (answer?.code) {
      await navigator.clipboard?.writeText(answer.code);
      toast(`Kode ${answer.code} disalin`);
    }
    await readPhones();
  });
  const note = (phone, message) => {
    const mine = message.from === "person";
    const content = make("div", { className: "bubble" }, ...withBold(message.text),
      make("small", { textContent: [mine ? null : message.template, atHour(message.at), TICKS[message.status]].filter(Boolean).join(" · ") }));
    const item = make("li", { className: `${message.from}${message.status === "failed" ? " failed" : ""}` }, content);
    if (message.buttons?.length) {
      item.append(make("div", { className: "keys" }, ...message.buttons.map((button) => {
        const key = make("button", { type: "button", textContent: button.text });
        key.addEventListener("click", () => onPhone(phone, "press", { button: button.text, message_id: message.id, merchant: message.merchant }));
        return make("div", {}, key);
      })));
    }
    return item;
  };
  const handset = (phone) => {
    const text = make("input", { autocomplete: "off", maxLength: 4096, placeholder: "Balas…", ariaLabel: `Balas dari ${phone}` });
    const say = make("form", {}, text, make("button", { type: "submit", textContent: "➤", ariaLabel: "Kirim" }));
    const name = make("b");
    const reach = make("button", { type: "button", title: "Whether the number is on WhatsApp" });
    const list = make("ol", { className: "inbox" });
    const card = make("article", { className: "handset" },
      make("header", {}, make("span", { className: "avatar", ariaHidden: "true", textContent: "☎" }), make("div", {}, name, make("small", { textContent: `+${phone}` })), reach),
      list, say);
    card.dataset.phone = phone;
    list.setAttribute("aria-live", "polite");
    const shown = { card, list, state: "", data: null };
    say.addEventListener("submit", (event) => {
      event.preventDefault();
      const said = text.value.trim();
      if (!said || busy) return;
      text.value = "";
      onPhone(phone, "text", { text: said, merchant: shown.data?.thread.at(-1)?.merchant || merchant });
    });
    reach.addEventListener("click", () => act(async () => {
      await call(`/sandbox/whatsapp-phones/${phone}`, { on_whatsapp: !shown.data.on_whatsapp });
      await readPhones();
    }));
    shown.draw = (data) => {
      const state = JSON.stringify(data);
      if (state === shown.state) return;
      shown.state = state;
      shown.data = data;
      name.textContent = data.name;
      reach.textContent = data.on_whatsapp ? "Aktif" : "Tidak di WhatsApp";
      reach.setAttribute("aria-pressed", String(!data.on_whatsapp));
      list.replaceChildren(...(data.thread.length
        ? data.thread.map((message) => note(phone, message))
        : [make("li", { className: "empty", textContent: "Belum ada pesan" })]));
      list.scrollTop = list.scrollHeight;
    };
    return shown;
  };
  async function readPhones() {
    const answer = await call("/sandbox/whatsapp-phones");
    const all = answer?.phones || [];
    document.querySelectorAll(".whatsapp").forEach((part) => { part.hidden = !answer?.connected; });
    const known = all.map((one) => one.phone);
    const fresh = opened.filter((phone) => !known.includes(phone))
      .map((phone) => ({ phone, name: "Baru", on_whatsapp: true, thread: [] }));
    const wanted = [...fresh, ...all];
    for (const data of wanted) {
      if (!drawn.has(data.phone)) drawn.set(data.phone, handset(data.phone));
      drawn.get(data.phone).draw(data);
    }
    // A card keeps its place while somebody writes in it.
    const cards = wanted.map((data) => drawn.get(data.phone).card);
    const same = cards.length > 0 && cards.length === $("phones").children.length && cards.every((card, place) => $("phones").children[place] === card);
    if (same || $("phones").contains(document.activeElement)) {
      cards.filter((card) => !card.isConnected).forEach((card) => $("phones").append(card));
      return;
    }
    $("phones").replaceChildren(...(cards.length ? cards
      : [make("p", { className: "none" }, "Belum ada pesan WhatsApp. ", make("small", { lang: "en", textContent: "A phone appears here when it is written to." }))]));
    // A list that was out of the page has no height to scroll.
    wanted.forEach((data) => { const { list } = drawn.get(data.phone); list.scrollTop = list.scrollHeight; });
  }
  $("find-phone").addEventListener("submit", (event) => {
    event.preventDefault();
    const phone = $("phone").value.replace(/\D/g, "").replace(/^0/, "62").replace(/^8/, "628");
    if (phone.length < 7 || phone.length > 15) { toast("Nomor tidak dikenal"); return; }
    $("phone").value = "";
    opened = [phone, ...opened.filter((other) => other !== phone)].slice(0, 6);
    readPhones().then(() => drawn.get(phone)?.card.scrollIntoView({ behavior: "smooth", block: "nearest", inline: "center" })).catch(tell);
  });

  // ---- the billing tape, over the API that a merchant's own system calls

  const KEY = `pk_${merchant}_local`;
  const SYMBOLS = {
    U: ["belum", "not yet"], C: ["pesan dalam perjalanan", "message on its way"], A: ["pesan diterima", "message taken"],
    P: ["lunas", "paid"], N: ["tidak bisa dihubungi", "no channel"], G: ["pesan gagal", "message given up"], K: ["tidak ditagih", "nothing owed"],
  };
  const STATES = { scan: "tagihan sedang dibuat", settle: "menunggu kabar pesan", halt: "selesai" };
  const MOST_CELLS = 800;
  let tapeShown = "";
  let periodChosen = false;
  let periodBusy = false;

  const api = async (path, body) => {
    const headers = { Authorization: `Bearer ${KEY}` };
    if (body) headers["Content-Type"] = "application/json";
    const answer = await fetch(path, { method: body ? "POST" : "GET", cache: "no-store", headers, body: body && JSON.stringify(body) });
    if (answer.status === 404) return null;
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.detail || answer.status);
    return said;
  };
  const cellsOf = async (period) => {
    const cells = [];
    let next = "";
    do {
      const page = await api(`/v1/billing-runs/${period}/tape?limit=100${next && `&cursor=${encodeURIComponent(next)}`}`);
      cells.push(...(page?.cells || []));
      next = page?.next || "";
    } while (next && cells.length < MOST_CELLS);
    return { cells, more: Boolean(next) };
  };
  const mark = (symbol) => make("span", { className: `cell ${symbol}`, textContent: symbol });
  const sent = ({ channel, state, reason }) => [channel, state, reason].filter(Boolean).join(" ");
  const cellMark = (cell) => Object.assign(mark(cell.symbol), {
    title: [cell.subscriber, cell.bill, ...cell.trace.map((write) => `${write.from}→${write.to} ${write.why}`), ...cell.messages.map(sent)].filter(Boolean).join("\n"),
  });
  const shardRow = (shard, cells) => {
    const marks = cells.filter((cell) => cell.shard === shard.n).map(cellMark);
    const head = make("span", { className: "tape-at", textContent: shard.state === "halt" ? "■" : "▲", title: `${shard.state}: ${STATES[shard.state]}` });
    marks.splice(shard.state === "scan" ? shard.head : marks.length, 0, head);
    return make("li", {}, make("small", { textContent: shard.n }), ...marks);
  };
  const drawTape = (run, tape) => {
    const state = JSON.stringify([run, tape]);
    if (state === tapeShown) return;
    tapeShown = state;
    if (!run) {
      $("run-says").replaceChildren("Belum ada tagihan untuk bulan ini: dibuat sendiri pada hari terakhirnya pukul 09.00. ",
        make("small", { lang: "en", textContent: "No run yet: turn the clock to the month's end, or press the button." }));
      $("shards").replaceChildren();
      return;
    }
    const isOpen = run.state === "scan" || run.counts.C > 0;
    const until = isOpen && run.ends_at && `kira-kira selesai ${new Date(run.ends_at).toLocaleTimeString("id-ID", { timeZone: zone, hour: "2-digit", minute: "2-digit" })} WIB`;
    $("run-says").textContent = [`${run.state}: ${STATES[run.state]}`, `${run.head} sel`, run.per_second && `${run.per_second}/detik`, until, tape.more && `${MOST_CELLS} sel pertama`].filter(Boolean).join(" · ");
    $("shards").replaceChildren(...run.shards.map((shard) => shardRow(shard, tape.cells)));
  };
  async function readTape() {
    if (!$("tape").open || !clockAt) return;
    const today = new Date(clockAt.now).toLocaleDateString("sv-SE", { timeZone: zone });
    const before = new Date(`${today.slice(0, 7)}-01T00:00:00Z`);
    before.setUTCDate(0);
    // Until somebody chooses: this month, or the one that was billed last.
    const months = periodChosen ? [$("period").value] : [today.slice(0, 7), before.toISOString().slice(0, 7)];
    for (const period of months.filter(Boolean)) {
      const run = await api(`/v1/billing-runs/${period}`);
      if (!run) continue;
      const tape = await cellsOf(period);
      if (periodChosen && $("period").value !== period) return;
      $("period").value = period;
      drawTape(run, tape);
      return;
    }
    if (!$("period").value) [$("period").value] = months;
    drawTape(null);
  }
  const foreseen = (forecast) => [
    `${forecast.bills} tagihan, ${rupiah(forecast.total)}`, `pesan ${rupiah(forecast.cost)}`,
    forecast.covered ? "saldo cukup" : `saldo kurang: ${rupiah(forecast.available)}`,
    `${forecast.days} hari`, forecast.done && `${forecast.done} sudah ditagih`,
  ].filter(Boolean).join(" · ");
  const askRun = async (dryRun) => {
    if (periodBusy || !$("run").reportValidity()) return;
    periodBusy = true;
    periodChosen = true;
    try {
      const answer = await api("/v1/billing-runs", { period: $("period").value, dry_run: dryRun });
      if (dryRun) { $("run-says").textContent = foreseen(answer); return; }
      tapeShown = "";
      await readTape();
    } catch (error) { tell(error); } finally { periodBusy = false; }
  };
  $("legend").append(...Object.entries(SYMBOLS).map(([symbol, [words, english]]) => (
    make("span", {}, mark(symbol), words, " ", make("small", { lang: "en", textContent: english })))));
  $("run").addEventListener("submit", (event) => { event.preventDefault(); askRun(false); });
  $("forecast").addEventListener("click", () => askRun(true));
  $("period").addEventListener("change", () => { periodChosen = true; tapeShown = ""; readTape().catch(tell); });
  $("tape").addEventListener("toggle", () => readTape().catch(tell));
  document.querySelector("nav [href='#tape']").addEventListener("click", () => { $("tape").open = true; });
  if (location.hash === "#tape") $("tape").open = true;

  // ---- the clock

  let clockAt = null;
  const zone = "Asia/Jakarta";
  const drawClock = () => {
    if (!clockAt) return;
    const now = new Date(clockAt.now + (performance.now() - clockAt.read));
    $("clock").textContent = `${now.toLocaleTimeString("id-ID", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" })} WIB`;
    $("day").textContent = now.toLocaleDateString("id-ID", { timeZone: zone, weekday: "long", day: "numeric", month: "long", year: "numeric" });
    if (!$("instant").value) $("instant").value = now.toLocaleString("sv-SE", { timeZone: zone }).slice(0, 16).replace(" ", "T");
  };
  const setClock = (answer) => {
    if (!answer?.now) return;
    clockAt = { now: Date.parse(answer.now), read: performance.now() };
    drawClock();
  };
  const turn = async (body) => {
    const controls = document.querySelectorAll("#time button");
    controls.forEach((control) => { control.disabled = true; });
    try { setClock(await call("/sandbox/clock", body)); } catch (error) { tell(error); } finally {
      controls.forEach((control) => { control.disabled = false; });
      await Promise.allSettled([readChat(), readMoney(), readPhones()]);
    }
  };
  document.querySelectorAll("[data-advance]").forEach((button) => {
    button.addEventListener("click", () => turn({ advance: button.dataset.advance }));
  });
  $("set-clock").addEventListener("submit", (event) => {
    event.preventDefault();
    turn({ set: `${$("instant").value}:00+07:00` });
  });

  // ---- going on

  const every = (milliseconds, work) => {
    const again = async () => {
      if (!document.hidden) await work().catch(() => {});
      setTimeout(again, milliseconds);
    };
    again();
  };
  nameChat();
  open(tabs.shop);
  every(1000, readChat);
  every(2000, readMoney);
  every(2000, readPhones);
  every(1000, readTape);
  every(5000, async () => setClock(await call("/sandbox/clock")));
  setInterval(drawClock, 1000);
  if (wantsStart) {
    // A reload of the page is not a second start.
    history.replaceState(null, "", merchant === "demo" ? "/sandbox" : `/sandbox?merchant=${merchant}`);
    send(`/start ${query.get("start") || ""}`.trim());
  }
})();
