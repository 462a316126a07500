// The try-it page: asks the service as an EHR does, while the order is typed and when it is signed.
// Drafts, suggestions and the HTML of cards are made by the server's helpers, so that nothing is written twice.

const TYPING_PAUSE = 350;
const form = document.querySelector("#trial");
const { services, helpers } = form.dataset;
const keeps = form.dataset.keeps === "true";
const $ = (id) => document.getElementById(id);
const FIELDS = ["drug", "dose", "route", "frequency", "sig", "quantity", "refills", "reason"];

const state = { patientId: "", prefetch: {}, basket: JSON.parse(form.elements.basket.value), editing: Number(form.elements.editing.value), answer: null, service: "" };
let running = new AbortController();
let pause = 0;

// --- calls ---------------------------------------------------------------------------------------

class Refused extends Error {}

async function post(url, body, signal, type = "application/json") {
    const headers = { "Content-Type": type };
    if (form.elements.dialect.value === "epic") headers["X-Client-Dialect"] = "epic";
    const began = performance.now();
    const answer = await fetch(url, { method: "POST", headers, body, signal });
    const text = await answer.text();
    return { status: answer.status, text, ms: Math.round(performance.now() - began), request: answer.headers.get("X-Request-Id") };
}

async function helper(name, body, signal, type) {
    const answer = await post(`${helpers}/${name}`, body, signal, type);
    if (answer.status !== 200) throw new Refused(reasonOf(answer));
    return answer.text;
}

function reasonOf(answer) {
    try {
        const issue = JSON.parse(answer.text).issue[0];
        return issue.diagnostics || `The service answered ${answer.status} (${issue.code}).`;
    } catch {
        return `The service answered ${answer.status}.`;
    }
}

// One thing at a time: what was asked before no longer matters.
async function alone(work) {
    clearTimeout(pause);
    running.abort();
    const mine = (running = new AbortController());
    try {
        await work(mine.signal);
        showProblem("");
    } catch (error) {
        if (mine.signal.aborted || error.name === "AbortError") return;
        showProblem(error instanceof Refused ? error.message : "The service could not be reached. Is it still running?");
        if (!(error instanceof Refused || error instanceof TypeError)) throw error;
    } finally {
        if (running === mine) $("cards").removeAttribute("aria-busy");
    }
}

// --- what is shown -------------------------------------------------------------------------------

function showProblem(words) {
    $("problem").textContent = words;
    $("problem").hidden = !words;
}

function say(words) {
    $("said").textContent = words;
}

function showOrder(turn, refill) {
    Object.assign(state, { basket: turn.basket, editing: turn.editing });
    form.elements.basket.value = JSON.stringify(turn.basket);
    form.elements.editing.value = turn.editing;
    $("basket").innerHTML = turn.html;
    if (!refill) return;
    for (const name of FIELDS) {
        const field = form.elements[name];
        field.value = turn.fields[name];
        field.classList.toggle("changed", turn.changed.includes(name));
        field.disabled = !turn.basket.length;
    }
}

function showExchange(id, line, value) {
    $(`${id}-line`).textContent = line;
    $(id).textContent = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    form.querySelector(`[data-copy=${id}]`).hidden = false;
}

const unnamed = () => state.basket.length > 0 && !form.elements.drug.value.trim();
const pretty = (text) => { try { return JSON.parse(text); } catch { return text; } };

function counted(cards) {
    const words = ["critical", "warning", "info"].map((level) => [cards.filter((card) => card.indicator === level).length, level]);
    const said = words.filter(([count]) => count).map(([count, level]) => `${count} ${level}`).join(", ");
    return cards.length ? `${cards.length} card${cards.length > 1 ? "s" : ""}: ${said}` : "no card";
}

// --- steps ---------------------------------------------------------------------------------------

const lock = (locked) => FIELDS.forEach((name) => (form.elements[name].disabled = locked));
const fields = () => Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));

async function turn(signal, step = {}) {
    const body = { patientId: state.patientId, version: form.elements.version.value, hook: form.elements.hook.value, basket: state.basket, editing: state.editing, fields: fields(), ...step };
    return JSON.parse(await helper("order", JSON.stringify(body), signal));
}

async function choose(signal, { keepVersion = false } = {}) {
    const chosen = new URLSearchParams({ scenario: form.elements.scenario.value, bundle: form.elements.bundle.value, version: form.elements.version.value });
    if (keepVersion) chosen.set("keepVersion", "1");
    const patient = JSON.parse(await helper("patient", chosen, signal, "application/x-www-form-urlencoded"));
    Object.assign(state, { patientId: patient.patientId, prefetch: patient.prefetch });
    $("patient").innerHTML = patient.patient;
    form.elements.version.value = patient.version;
    if (!keepVersion) form.elements.hook.value = patient.hook;
    $("done").replaceChildren();
    showOrder(patient, true);
    await ask(signal, {});
}

// What was said of the order as it was before must not stand beside the order as it is now.
async function ask(signal, options = {}) {
    try {
        await askAsAnEhr(signal, options);
    } catch (error) {
        if (!signal.aborted) {
            $("cards").replaceChildren();
            say("The order was not checked.");
        }
        throw error;
    }
}

// As an EHR: the request is made of the basket and the record, and sent to the service of its hook.
async function askAsAnEhr(signal, { hook = form.elements.hook.value, step = {}, refill = false }) {
    $("cards").setAttribute("aria-busy", "true");
    if (refill) lock(true); // what is typed before another order stands in the form would be lost
    const made = await turn(signal, { hook, ...step }).finally(() => lock(!state.basket.length));
    showOrder(made, refill);
    const request = { ...made.request, prefetch: state.prefetch };
    const service = `${services}/ldn-${hook}`;
    const answer = await post(service, JSON.stringify(request), signal);
    showExchange("sent", `POST ${service}`, request);
    showExchange("got", `${answer.status} in ${answer.ms} ms · X-Request-Id ${answer.request}`, pretty(answer.text));
    if (answer.status !== 200) throw new Refused(reasonOf(answer));
    const html = await helper("cards", answer.text, signal);
    state.answer = JSON.parse(answer.text);
    state.service = service;
    $("cards").innerHTML = html;
    say(`${hook === "order-sign" ? "On signing" : "While ordering"} (${hook}): ${counted(state.answer.cards)}, ${answer.ms} ms${unnamed() ? "; an order without a medicine is not judged" : ""}`);
}

// --- what becomes of a card ----------------------------------------------------------------------

const cardOf = (element) => {
    const article = element.closest("[data-card]");
    return [article, state.answer.cards.find((card) => card.uuid === article.dataset.card)];
};

async function giveFeedback(item, words) {
    const body = { feedback: [{ ...item, outcomeTimestamp: new Date().toISOString() }] };
    const url = `${state.service}/feedback`;
    const answer = await post(url, JSON.stringify(body));
    $("feedback-part").hidden = false;
    showExchange("feedback", `POST ${url} → ${answer.status}`, body);
    const outcome = answer.status !== 200 ? `feedback refused: ${reasonOf(answer)}` : keeps ? "feedback sent and kept" : "feedback understood; nothing is kept here";
    const line = document.createElement("li");
    line.textContent = `${words} – ${outcome} (${answer.status})`;
    $("done").append(line);
    say(line.textContent);
}

async function take(button) {
    const [article, card] = cardOf(button);
    const suggestion = card.suggestions.find((each) => each.uuid === button.dataset.suggestion);
    const others = article.querySelectorAll("[data-suggestion]");
    for (const other of others) other.disabled = other === button || card.selectionBehavior === "at-most-one";
    const accepted = { card: card.uuid, outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] };
    await alone(async (signal) => {
        await giveFeedback(accepted, `Taken: ${suggestion.label}`);
        await ask(signal, { step: { actions: suggestion.actions }, refill: true });
    });
}

async function override(button) {
    const [article, card] = cardOf(button);
    const chosen = article.querySelector("input[type=radio]:checked");
    const comment = article.querySelector(".overrides input:not([type=radio])").value.trim();
    if (!chosen && !comment) {
        showProblem("Choose a reason or write a comment to override the card.");
        return;
    }
    const reason = chosen ? { reason: { code: chosen.value, system: chosen.dataset.system } } : {};
    const overridden = { card: card.uuid, outcome: "overridden", overrideReason: { ...reason, ...(comment && { userComment: comment }) } };
    const words = chosen ? chosen.closest("label").textContent.trim() : comment;
    showProblem("");
    await giveFeedback(overridden, `Overridden: ${words}`);
    article.classList.add("overridden");
    article.querySelector(".overrides").remove();
}

// --- events --------------------------------------------------------------------------------------

const later = (work) => {
    clearTimeout(pause);
    pause = setTimeout(() => alone(work), TYPING_PAUSE);
};

form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { name, value, dataset } = event.submitter ?? {};
    if (dataset?.suggestion) return void take(event.submitter);
    if (name !== "action") return;
    if (value === "choose") return void alone((signal) => choose(signal));
    if (value === "sign") return void alone((signal) => ask(signal, { hook: "order-sign" }));
    alone(async (signal) => {
        await ask(signal, { step: { action: value }, refill: true });
        if (value === "add") form.elements.drug.focus();
    });
});

form.addEventListener("input", (event) => {
    const { name, id } = event.target;
    if (!FIELDS.includes(name)) return;
    $(id).classList.remove("changed");
    later((signal) => ask(signal));
});

form.addEventListener("click", (event) => {
    const { target } = event;
    if (target.matches("[data-override]")) override(target);
    if (target.matches("[data-copy]")) navigator.clipboard.writeText($(target.dataset.copy).textContent).then(() => say("Copied."));
});

form.elements.scenario.addEventListener("change", () => {
    form.elements.bundle.value = "";
    alone((signal) => choose(signal));
});
form.elements.version.addEventListener("change", () => alone((signal) => choose(signal, { keepVersion: true })));
form.elements.hook.addEventListener("change", () => alone((signal) => ask(signal)));
form.elements.dialect.addEventListener("change", () => alone((signal) => ask(signal)));
$("file").addEventListener("change", async () => {
    const [file] = $("file").files;
    if (!file) return;
    form.elements.bundle.value = await file.text();
    alone((signal) => choose(signal));
});

$("file-field").hidden = false;
$("ask").hidden = $("choose").hidden = true;
alone((signal) => choose(signal, { keepVersion: true }));
