/** Ce qu'un autre logiciel a demandé d'ouvrir. */

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const openedFr = {
  title: "Images demandées",
  lead: "Votre logiciel a demandé ces images.",
  empty: "Aucune image n’est ouverte",
  emptyText: "Cette page s’ouvre depuis votre logiciel : relancez-y la demande.",
  patientImages: "Toutes les images du patient",
  missing: (n: number) =>
    `${plural(n, "examen demandé n’est pas ici", "examens demandés ne sont pas ici")} : ce qui suit n’est pas tout ce qui a été demandé.`,
  kept: (n: number) =>
    `${plural(n, "image ne s’ouvre", "images ne s’ouvrent")} qu’avec un compte ici : elles sont couvertes, ou la règle du site les garde.`,
  keyImages: "Aucune image clé n’est désignée ici : toutes sont montrées.",
  back: "Retour aux images demandées",
};
