/** The one adapter between anywidget and a view: a shadow root, the theme, the shared selection. */
import { watchAnswers } from "./answers";
import coreCss from "./core.css";
import { onFailure } from "./failures";
import { coalesce } from "./frames";
import { onTrait, type ProteinInfo, type ViewModel } from "./model";
import { oneVoice } from "./one_voice";
import { SelectionLink } from "./selection";
import { followTheme } from "./theme";

export interface ViewContext {
  model: ViewModel;
  /** Where the view draws, inside its own shadow root. */
  root: HTMLElement;
  /** What stands in the page; its data attributes say what the view shows, in tests as well. */
  host: HTMLElement;
  signal: AbortSignal;
  protein: ProteinInfo;
  selection: SelectionLink;
}

export interface View {
  /** Draw everything from the traits; called once a frame at most. */
  draw(): void;
  /** Draw what the pointer points at; cheap, called on every hover and after every draw. */
  hover?(): void;
}

interface ViewDefinition {
  name: string;
  /** What a screen reader calls it. */
  label: string;
  css: string;
  /** Traits whose change asks for a redraw. */
  traits: readonly string[];
  create(context: ViewContext): View | Promise<View>;
}

interface RenderArguments {
  model: ViewModel;
  el: HTMLElement;
  signal?: AbortSignal;
}

/**
 * What a click changes is drawn at once where it was made. The other views leave the page free for
 * the model's answer, which they mostly draw in the same go.
 */
const OTHERS_MS = 80;

/** Make the object that anywidget loads. A failure is drawn where the view would have been. */
export function defineView(definition: ViewDefinition) {
  return {
    async render({ model: given, el, signal }: RenderArguments): Promise<() => void> {
      const controller = new AbortController();
      // Hosts older than anywidget 0.11 give no signal; the returned function serves them.
      signal?.addEventListener("abort", () => controller.abort(), { once: true });
      if (signal?.aborted) controller.abort();
      const host = document.createElement("div");
      host.className = `plmwidgets plmwidgets-${definition.name}`;
      // JupyterLab would take the letters typed in a view for its own shortcuts.
      host.dataset.lmSuppressShortcuts = "true";
      const shadow = host.attachShadow({ mode: "open" });
      const style = document.createElement("style");
      style.textContent = coreCss + definition.css;
      const root = document.createElement("div");
      root.className = "plm-root";
      const notice = document.createElement("div");
      notice.className = "plm-error";
      notice.setAttribute("role", "alert");
      notice.hidden = true;
      const unanswered = document.createElement("div");
      unanswered.className = "plm-unanswered";
      unanswered.setAttribute("role", "status");
      shadow.append(style, notice, unanswered, root);
      el.append(host);
      const live = controller.signal;
      const say = oneVoice(String(given.get("selection_id")), host, live, (text) => {
        unanswered.textContent = text;
      });
      const model = watchAnswers(given, live, (text) => {
        say(text);
        host.toggleAttribute("data-unanswered", text !== "");
      });

      const report = (text: string): void => {
        notice.textContent = text;
        notice.hidden = text === "";
      };
      const showTrait = (): void => report(String(model.get("error") ?? ""));
      const fail = (error: unknown): void =>
        report(`This view met an error: ${error instanceof Error ? error.message : error}`);
      onFailure(root, live, fail);
      /** Run a part of the view; what goes wrong in it is shown to the person, not swallowed. */
      let broken = false;
      const guarded = (part: () => void): void => {
        try {
          part();
          if (broken) showTrait();
          broken = false;
        } catch (error) {
          console.error(error);
          broken = true;
          fail(error);
        }
      };

      try {
        const selection = new SelectionLink(model, live);
        const protein = model.get("protein") as ProteinInfo;
        host.setAttribute("role", "region");
        host.ariaLabel = `${definition.label} of ${protein.name}`;
        const view = await definition.create({
          model,
          root,
          host,
          signal: live,
          protein,
          selection,
        });
        if (live.aborted) return () => host.remove();
        let frames = 0;
        let later: ReturnType<typeof setTimeout> | undefined;
        const redraw = coalesce(live, () => {
          clearTimeout(later);
          guarded(() => {
            view.draw();
            view.hover?.();
            frames += 1;
            host.dataset.frames = String(frames);
          });
        });
        const enlarge = (): void => {
          root.classList.toggle("plm-presenter", model.get("presenter") === true);
          redraw();
        };
        enlarge();
        onTrait(model, "presenter", live, enlarge);
        followTheme(root, live, redraw);
        onTrait(model, definition.traits, live, redraw);
        selection.onState((own) => {
          clearTimeout(later);
          if (own) redraw();
          else later = setTimeout(redraw, OTHERS_MS);
        });
        selection.onHover(() => guarded(() => view.hover?.()));
        onTrait(model, "error", live, showTrait);
        const resize = new ResizeObserver(redraw);
        resize.observe(host);
        live.addEventListener("abort", () => resize.disconnect(), { once: true });
        showTrait();
        redraw();
        host.dataset.loaded = "true";
      } catch (error) {
        console.error(error);
        report(`This view could not start: ${error instanceof Error ? error.message : error}`);
      }
      return () => {
        controller.abort();
        host.remove();
      };
    },
  };
}
