/** Les textes des téléphones, et de ce qui attend sur eux. */

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const phonesFr = {
  link: "Téléphones",
  title: "Téléphones",
  intro:
    "Un téléphone photographie dans son navigateur : rien à installer, aucune image dans sa galerie.",
  pair: "Associer un téléphone",
  pairFor: "Associer un téléphone à cette séance",
  scan: "Visez ce code avec l’appareil photo du téléphone",
  code: "Code QR qui associe un téléphone",
  once: (until: string) => `Il sert une fois, avant ${until}. Ne le montrez qu’à votre téléphone.`,
  sessionOnly: "Le téléphone n’ouvrira que cette séance.",
  unreachable:
    "Cette adresse ne désigne que cet ordinateur : aucun téléphone ne l’atteint. Ouvrez le service par son adresse en https://, ou demandez que SANSVERRE_PUBLIC_URL soit réglé.",
  cancel: "Annuler",
  expired: "Ce code a expiré.",
  again: "Nouveau code",
  entered: (name: string) => `${name} est associé.`,
  list: "Téléphones associés",
  none: "Aucun téléphone n’est associé.",
  until: (time: string) => `Jusqu’au ${time}`,
  oneSession: "Pour une seule séance",
  end: "Terminer",
  endOf: (name: string) => `Terminer l’accès de ${name}`,
  ended: (name: string) => `L’accès de ${name} est terminé.`,
  failed: "Cela n’a pas pu être fait. Réessayez.",

  here: "Ce téléphone",
  hereUntil: (time: string) => `Associé jusqu’au ${time}.`,
  endHere: "Terminer sur ce téléphone",
  photograph: "Photographier",

  enterTitle: "Associer ce téléphone",
  enterText: (host: string) =>
    `Ce téléphone prendra des photographies pour ${host}, au nom de la personne qui a montré le code.`,
  enter: "Associer ce téléphone",
  entering: "Association…",
  spentTitle: "Ce code ne sert plus",
  spentText: "Un code sert une fois, en cinq minutes. Affichez-en un nouveau sur l’ordinateur.",
  phone: "Téléphone",

  insecure: {
    title: "Cette adresse n’est pas privée",
    text: "Elle commence par http:// : tout ce qui passe peut être lu en chemin. Les navigateurs n’y donnent donc ni appareil photo ni clé pour protéger les images, et Sans Verre n’en prend pas ici.",
    what: "Ouvrez l’adresse qui commence par https://, ou visez le code QR affiché sur l’ordinateur.",
    who: "Si elle n’existe pas encore, la personne qui gère le service la met en place : voir « Téléphones » dans la documentation.",
  },

  waiting: {
    title: "En attente sur cet appareil",
    none: "Rien n’attend : tout est arrivé.",
    count: (n: number) => plural(n, "photo en attente", "photos en attente"),
    others: (n: number) =>
      `${plural(n, "photo", "photos")} d’un autre utilisateur : seul son accès peut les ouvrir et les envoyer.`,
    closed: "Connectez-vous de nouveau pour que ce qui attend reparte.",
    taken: (time: string) => `Photo de ${time}`,
    waiting: "En attente",
    sending: (percent: number) => `Envoi, ${percent} %`,
    interrupted: "Interrompu, reprend seul",
    checking: "Vérification",
    failed: "N’a pas été accepté",
    retry: "Réessayer",
    discard: "Abandonner",
    discardOf: (time: string) => `Abandonner la photo de ${time}`,
    discardSure: "Cette photo n’est que sur cet appareil. L’effacer ?",
    keeping: {
      "may-erase":
        "Le navigateur peut effacer ce qui attend s’il manque de place : gardez du réseau jusqu’à la fin.",
      week: "Cet appareil efface ce qui attend après sept jours sans visite : revenez avant.",
      full: "Il ne reste presque plus de place sur cet appareil.",
      kept: "Conservé jusqu’à l’envoi.",
      unknown: "Ce navigateur ne dit pas s’il conserve ce qui attend.",
    },
    why: {
      "409": "La séance ne prend plus d’images.",
      session: "La connexion a expiré.",
      unreadable: "La photo ne peut plus être lue sur ce téléphone.",
      identity: "Elle est déjà archivée sous un autre patient : voyez à qui elle est, déplacez-la.",
      digest: "La photo est arrivée autrement qu’elle est partie.",
      other: "Le serveur l’a refusée.",
    },
  },

  version: "Une version plus récente est là.",
  reload: "Recharger",
};

export type PhonesMessages = typeof phonesFr;
