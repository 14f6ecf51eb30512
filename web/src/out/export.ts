/** The sheet that asks how pictures are to leave, and hands over the file. */

import { openSheet } from "../capture/sheet";
import { h } from "../dom";
import { language, messages } from "../i18n";
import { notify } from "../notice";
import { type Purpose, type Region, takeOut, type Wanted } from "./calls";
import { field, radios, select, wrong } from "./form";

type Form = Wanted["form"];
type Named = NonNullable<Wanted["named"]>;

/**
 * Asks, then makes and hands over; `names` are those of the pictures, in their order. Of each the
 * whole, or that region.
 */
export function openExport(names: Map<string, string>, region?: Region): void {
  const words = messages().out;
  let form: Form = "jpeg";
  let named: Named = "patient";
  const purposes: [Purpose, string][] = (["care", "teaching", "research"] as const).map((one) => [
    one,
    words.purposes[one],
  ]);
  const purpose = select(purposes);
  const colours = select([
    ["srgb", words.srgb],
    ["stored", words.stored],
  ]);
  const perPage = select([
    ["1", "1"],
    ["2", "2"],
  ]);
  const pseudonym = h("input", { type: "text", maxlength: 64, autocomplete: "off" });
  const pseudonymField = field(words.pseudonym, pseudonym);
  const colourField = field(words.colours, colours);
  const namedField = radios<Named>(
    words.named,
    (["patient", "pseudonym", "nobody"] as const).map((value) => ({
      value,
      words: [words[value]],
    })),
    named,
    (value) => {
      named = value;
      show();
    },
  );
  const pageField = h(
    "div",
    { class: "fields" },
    namedField,
    pseudonymField,
    field(words.perPage, perPage),
  );
  const careOnly = h("p", { class: "faint" }, words.careOnly);
  const status = h("div", { class: "form-status", role: "status" });
  const submit = h("button", { type: "submit", class: "button primary" }, words.export);
  const show = () => {
    const isPdf = form === "pdf";
    pageField.hidden = !isPdf;
    colourField.hidden = isPdf;
    pseudonymField.hidden = named !== "pseudonym";
    pseudonym.required = isPdf && named === "pseudonym";
    careOnly.hidden = !isPdf || purpose.value === "care" || named !== "patient";
    submit.disabled = !careOnly.hidden;
  };
  purpose.addEventListener("change", show);
  const asked = (): Wanted => {
    const images = [...names.keys()].map((image) => ({ image, ...(region && { region }) }));
    const all = { form, purpose: purpose.value as Purpose, images };
    if (form === "jpeg") return { ...all, colours: colours.value as "srgb" | "stored" };
    const name = named === "pseudonym" ? { pseudonym: pseudonym.value } : {};
    const per_page = perPage.value === "2" ? 2 : 1;
    return { ...all, named, ...name, per_page, language: language() };
  };
  const send = async () => {
    submit.disabled = true;
    status.replaceChildren(h("p", {}, words.making));
    try {
      const { file, name } = await takeOut(asked());
      sheet.close();
      handOver(file, name);
      notify([words.ready(name)]);
    } catch (error) {
      status.replaceChildren(h("div", { class: "form-wrong" }, ...wrong(error, names)));
      show();
    }
  };
  const body = h(
    "form",
    {
      class: "out-form",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void send();
      },
    },
    radios<Form>(
      words.form,
      [
        { value: "jpeg", words: [h("b", {}, words.jpeg), h("small", {}, words.jpegHint)] },
        { value: "pdf", words: [h("b", {}, words.pdf), h("small", {}, words.pdfHint)] },
      ],
      form,
      (value) => {
        form = value;
        show();
      },
    ),
    pageField,
    colourField,
    field(words.purpose, purpose),
    careOnly,
    h("p", { class: "faint" }, words.recorded),
    status,
    h("footer", {}, submit),
  );
  show();
  const what = region ? words.field : `${words.export} · ${words.pictures(names.size)}`;
  const sheet = openSheet(what, [body]);
}

function handOver(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = h("a", { href: address, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
