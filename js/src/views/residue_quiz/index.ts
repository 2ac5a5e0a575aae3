/** A quiz: which residue is hidden here? Votes against a language model, in bits. */
import { blocks, bringIntoSight } from "../../core/blocks";
import blocksCss from "../../core/blocks.css";
import { element } from "../../core/elements";
import { save } from "../../core/model";
import { defineView, type View, type ViewContext } from "../../core/view";
import { Board } from "./board";
import { type Answer, openLines, revealedLines, type Scored, summary } from "./lines";
import css from "./residue_quiz.css";

const HIDDEN = "?";

class ResidueQuiz implements View {
  #context: ViewContext;
  #host: HTMLElement;
  #letters: string;
  #title = element("span", { class: "plm-title quiz-title" });
  #round = element("span", { class: "plm-muted" });
  #clear = element("button", { type: "button" }, "Clear votes");
  #forward = element("button", { type: "button", class: "plm-primary" });
  #busy = element("div", { class: "plm-busy" });
  #cells: HTMLElement[];
  #list: HTMLElement;
  #board: Board;
  #said = element("div", { class: "quiz-said", role: "status" });
  #at: number | null = null;

  constructor(context: ViewContext) {
    this.#context = context;
    const { model, root, signal, protein } = context;
    this.#host = context.host;
    this.#letters = String(model.get("letters"));
    this.#cells = [...protein.sequence].map(() => element("div", { class: "strip-cell" }));
    this.#list = element(
      "div",
      { class: "strip-list quiz-sequence", role: "img" },
      ...blocks(this.#cells, protein.labels),
    );
    this.#board = new Board(
      this.#letters,
      {
        vote: (column, step) => this.#vote(column, step),
        choose: (player) => this.#choose(player),
      },
      signal,
    );
    this.#clear.addEventListener("click", () => this.#clearVotes(), { signal });
    this.#forward.addEventListener("click", () => this.#go(), { signal });
    const table = element(
      "div",
      {
        class: "quiz-table",
        role: "group",
        tabindex: 0,
        "aria-label":
          "Votes: a letter votes for it, with Shift it takes a vote back, Backspace takes all " +
          "back, Enter reveals and goes on, digits choose the player",
      },
      this.#board.node,
    );
    table.addEventListener("keydown", (event) => this.#key(event, table), { signal });
    root.append(
      element(
        "div",
        { class: "plm-toolbar" },
        this.#title,
        this.#round,
        element("span", { class: "plm-spring" }),
        this.#clear,
        this.#forward,
      ),
      this.#busy,
      this.#list,
      table,
      this.#said,
    );
  }

  draw(): void {
    const { model, protein } = this.#context;
    const answer = model.get("answer") as Answer | null;
    const votes = model.get("votes") as number[][];
    const players = model.get("players") as string[];
    const models = model.get("models") as string[];
    const sheet = model.get("sheet") as Scored[];
    const [round, rounds] = [Number(model.get("round")), Number(model.get("rounds"))];
    const position = Number(model.get("position"));
    const player = Number(model.get("player"));
    const pending = model.get("pending") === true;
    const last = round + 1 >= rounds;
    const number = (protein.labels[position] ?? "").slice(1);
    this.#title.textContent = answer
      ? `It is ${answer.label}`
      : `Which residue is hidden at ${number}?`;
    this.#round.textContent = `round ${round + 1} of ${rounds} · ${protein.name}`;
    this.#clear.disabled = answer !== null || pending;
    this.#forward.textContent = answer ? "Next round" : "Reveal";
    this.#forward.disabled = (answer !== null && last) || pending;
    this.#busy.classList.toggle("is-on", pending);
    this.#sequence(String(model.get("shown")), position, answer !== null);
    const lines = answer
      ? revealedLines(players, models, answer, this.#letters, sheet)
      : openLines(players, models, votes, this.#letters, sheet);
    this.#board.draw(lines, player, answer === null && !pending, answer?.column ?? null);
    const who = players.length > 1 ? ` for ${players[player] ?? ""}` : "";
    const said = answer
      ? summary(answer, lines, last)
      : pending
        ? "The model is still computing."
        : `Type or click letters to vote${who}, more often where you are surer. ` +
          "0 bits is a blind guess, 4.32 the most there is.";
    if (this.#said.textContent !== said) this.#said.textContent = said;
    this.#host.dataset.round = String(round);
    this.#host.dataset.revealed = String(answer !== null);
    this.#host.dataset.votes = votes.map((row) => row.reduce((sum, n) => sum + n, 0)).join(",");
  }

  #sequence(shown: string, position: number, revealed: boolean): void {
    for (const [i, cell] of this.#cells.entries()) {
      const letter = shown[i] ?? "";
      if (cell.textContent !== letter) cell.textContent = letter;
      cell.classList.toggle("is-hidden", letter === HIDDEN);
      cell.classList.toggle("is-asked", i === position);
      cell.classList.toggle("is-revealed", i === position && revealed);
    }
    const hidden = [...shown].filter((letter) => letter === HIDDEN).length;
    this.#list.ariaLabel = `The sequence, ${hidden} of its residues hidden: ${shown}`;
    if (this.#at !== position) {
      this.#at = position;
      bringIntoSight(this.#list, this.#cells[position]);
    }
  }

  #key(event: KeyboardEvent, table: HTMLElement): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const column = event.key.length === 1 ? this.#letters.indexOf(event.key.toUpperCase()) : -1;
    const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
    const players = this.#context.model.get("players") as string[];
    // On a button, Enter presses that button.
    const own = (this.#context.root.getRootNode() as ShadowRoot).activeElement === table;
    if (column >= 0) this.#vote(column, event.shiftKey ? -1 : 1);
    else if (digit >= 0 && digit < players.length) this.#choose(digit);
    else if (event.key === "Backspace") this.#clearVotes();
    else if (event.key === "Enter" && own) this.#go();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  get #open(): boolean {
    const { model } = this.#context;
    return model.get("answer") === null && model.get("pending") !== true;
  }

  #vote(column: number, step: 1 | -1): void {
    const { model } = this.#context;
    if (this.#open) model.send({ type: "vote", player: model.get("player"), column, step });
  }

  #clearVotes(): void {
    const { model } = this.#context;
    if (this.#open) model.send({ type: "clear_votes", player: model.get("player") });
  }

  #choose(player: number): void {
    save(this.#context.model, { player });
  }

  #go(): void {
    if (this.#forward.disabled) return;
    const revealed = this.#context.model.get("answer") !== null;
    this.#context.model.send({ type: revealed ? "next" : "reveal" });
  }
}

export default defineView({
  name: "residue_quiz",
  label: "Quiz on the residues",
  css: blocksCss + css,
  traits: [
    "shown",
    "players",
    "models",
    "player",
    "round",
    "rounds",
    "position",
    "votes",
    "pending",
    "answer",
    "sheet",
  ],
  create: (context) => new ResidueQuiz(context),
});
