/** Comptes rendus du laboratoire : versions, addenda, et ce qui attend. */

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const reportsFr = {
  title: "Comptes rendus",
  open: "Comptes rendus (C)",
  key: "Comptes rendus",
  none: "Aucun compte rendu pour cet examen.",
  version: (n: number) => `Version ${n}`,
  part: (n: number) => `document ${n}`,
  newest: "La plus récente",
  addendum: "Addendum",
  said: (moment: string) => `du ${moment}`,
  status: {
    preliminary: "Provisoire",
    final: "Définitif",
    amended: "Rectifié",
    withdrawn: "Retiré",
  },
  changed: (before: string, after: string) => `${before} → ${after}`,
  withdrawn: "Ce compte rendu est retiré par le laboratoire. Il ne compte plus.",
  superseded: "Une version plus récente existe.",
  noDocument: "Cette version ne dit que son état ; elle n’a pas de document.",
  statusAlone: (version: number) =>
    `Cette version ne dit que son état ; le document est celui de la version ${version}.`,
  firstPages: (n: number, all: number) =>
    `Seules les ${n} premières pages sur ${all} sont montrées.`,
  attachment: (caption: string) =>
    `Une image ou une pièce jointe n’est pas montrée ici${caption && ` : ${caption}`}. Enregistrez le document pour la voir.`,
  saveWhole: "Enregistrer le document entier",
  reading: "Ouverture du document…",
  failed: "Le document n’a pas pu être affiché. Enregistrez-le pour le lire.",
  retry: "Réessayer",
  save: "Enregistrer",
  saveOne: (name: string) => `Enregistrer ${name}`,
  page: (n: number, all: number) => `Page ${n} sur ${all}`,
  pageText: (n: number) => `Texte de la page ${n}`,
  waiting: (n: number) => plural(n, "compte rendu en attente", "comptes rendus en attente"),
  waitingText: "Ce qui attend n’est montré sous aucun patient.",
  named: "Le compte rendu dit",
  ordered: "La demande dit",
  nobody: "aucune demande à ce numéro",
  fileUnder: (name: string) => `Classer sous ${name}`,
  fileConfirm: (name: string) => `Confirmer : patient ${name}`,
  filed: "Le compte rendu est classé.",
  fileFailed: "Le compte rendu n’a pas pu être classé : voyez d’abord les identités de ce numéro.",
  why: {
    unknown: "Aucune demande à ce numéro",
    conflict: "Deux patients pour ce numéro",
    "other-patient": "Un autre patient que la demande",
    doubtful: "Identité à vérifier",
  },
};
