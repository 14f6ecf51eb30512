/** Changer de patient : ce qui sera corrigé, puis l'acte. */

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const moveFr = {
  open: "Changer de patient",
  openOne: (name: string) => `Changer de patient : ${name}`,
  title: "Changer de patient",
  wholeExam: (n: number) => `Tout l’examen : ${plural(n, "image", "images")}`,
  oneImage: "Une image",
  before: "Aujourd’hui chez",
  after: "Passera chez",
  nobody: "Aucun patient",
  fresh: "Ce patient n’est pas encore connu ici ; vérifiez son identité.",
  choose: "Choisir le bon patient",
  chooseOther: "Choisir un autre patient",
  asked: "Quel est le bon patient ?",
  list: "Voir ce qui sera corrigé",
  taken:
    "Ce n’est pas possible : l’image est déjà chez ce patient, ou en préparation, ou le numéro de demande est celui d’un autre.",
  corrected: "Ce qui sera corrigé",
  nothing: "Rien n’a été envoyé à l’archive de radiologie et aucun lien ne prend fin.",
  told: (n: number) =>
    `Archive de radiologie : ${plural(n, "objet rejeté et renvoyé", "objets rejetés et renvoyés")} sous le bon patient.`,
  notSent: (n: number) =>
    `Archive de radiologie : ${plural(n, "envoi en attente sera remplacé", "envois en attente seront remplacés")}.`,
  lesions: (n: number) =>
    `${plural(n, "lien avec une lésion prend fin", "liens avec des lésions prennent fin")} : la lésion reste au premier patient.`,
  links: (n: number) =>
    `${plural(n, "lien avec une autre photographie prend fin", "liens avec d’autres photographies prennent fin")}.`,
  pins: (n: number) => `${plural(n, "repère est effacé", "repères sont effacés")}.`,
  biopsies: (n: number) =>
    `${plural(n, "lésion perd", "lésions perdent")} le lien avec la lame de sa biopsie.`,
  sessions: (n: number) =>
    `${plural(n, "photographie quitte sa visite", "photographies quittent leur visite")}.`,
  exported: (n: number) =>
    `Déjà sorti par export ${plural(n, "fois", "fois")} : rien ne peut le reprendre, prévenez les destinataires.`,
  linked: (n: number) =>
    `${plural(n, "lien a été donné vers l’image et prend fin", "liens ont été donnés vers l’image et prennent fin")} : ce qui a été vu ne peut être repris, prévenez les destinataires.`,
  shown: (n: number) =>
    `Déjà montré ${plural(n, "fois", "fois")} à un confrère d’un autre établissement : prévenez-le.`,
  by: "Qui fait la correction (facultatif)",
  confirm: "Déplacer",
  moving: "Correction en cours…",
  done: "C’est fait : les images sont chez le bon patient.",
  openExam: "Ouvrir l’examen",
  archive: "Archive de radiologie",
  what: { object: "Image", rejection: "Rejet de l’ancienne" },
  states: {
    waiting: "à envoyer",
    answered: "reçu",
    committed: "promis",
    "read-back": "vérifié",
    task: "à faire à la main",
    superseded: "remplacé",
  },
  failed: "La correction n’a pas pu être demandée. Rien n’a changé ; réessayez.",
  offer: "Cette image est déjà archivée sous un autre patient.",
  offerLink: "La déplacer",
};
