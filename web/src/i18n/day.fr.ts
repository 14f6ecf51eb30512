/** Les patients attendus. */

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const dayFr = {
  title: "Patients attendus",
  count: (n: number) => plural(n, "patient", "patients"),
  before: "Jour précédent",
  after: "Jour suivant",
  date: "Jour",
  search: "Chercher parmi les patients attendus",
  searchHint: "Nom, identifiant, motif",
  none: "Personne n’est attendu ce jour-là",
  noneText:
    "Les rendez-vous et les admissions arrivent du système de l’hôpital (HL7) ou d’une liste de travail DICOM.",
  noneFound: "Aucun patient ne correspond",
  cancelled: "Annulé",
  images: "Images du patient",
  photograph: "Photographier",
  failed: "Les patients de ce jour n’ont pas pu être obtenus.",
  notBegun: "La visite n’a pas pu commencer : vérifiez le patient et le numéro de demande.",
  sources: "Listes de travail DICOM",
  answered: (name: string, moment: string) => `${name} : à jour, ${moment}`,
  silent: (name: string, moment: string) =>
    `${name} ne répond pas ; dernière liste reçue ${moment}. Des patients peuvent manquer.`,
  never: (name: string) => `${name} n’a encore jamais répondu. Des patients peuvent manquer.`,
};
