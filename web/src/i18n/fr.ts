/** Les textes en français ; leur forme fait loi : une clé absente d'une autre langue ne compile pas. */

import { bodyFr } from "./body.fr";
import { captureFr } from "./capture.fr";
import { casesFr } from "./cases.fr";
import { dayFr } from "./day.fr";
import { identitiesFr } from "./identities.fr";
import { lesionsFr } from "./lesions.fr";
import { moveFr } from "./move.fr";
import { openedFr } from "./opened.fr";
import { outFr } from "./out.fr";
import { outboxFr } from "./outbox.fr";
import { phonesFr } from "./phones.fr";
import { reportsFr } from "./reports.fr";
import { timelineFr } from "./timeline.fr";
import { worklistFr } from "./worklist.fr";

const plural = (n: number, one: string, many: string) => `${n} ${Math.abs(n) < 2 ? one : many}`;

export const fr = {
  product: "Sans Verre",
  notice: "N’est pas un dispositif médical certifié",
  noticeLong:
    "Sans Verre n’est pas un dispositif médical certifié. Avant tout usage diagnostique, l’établissement doit valider l’installation, les écrans et le circuit de travail.",
  skip: "Aller au contenu",
  switchLanguageLabel: "Switch to English",
  version: (version: string) => `Version ${version}`,
  licences: "Licences des logiciels utilisés",
  close: "Fermer",
  refused: {
    403: "Votre accès ne le permet pas.",
    404: "Ce n’est plus là : rechargez la page.",
    409: "Ce n’est pas possible en l’état : quelque chose a changé ou manque encore. Regardez de nouveau.",
    422: "Ce qui est indiqué ne va pas ensemble : vérifiez-le.",
  },
  back: "Retour aux examens",
  backToExam: "Retour à l’examen",

  exams: "Examens",
  loading: "Chargement…",
  filter: "Filtrer",
  filterHint: "Nom, identifiant, n° de demande…",
  filterClear: "Effacer le filtre",
  examCount: (n: number, more: boolean) =>
    more ? `${plural(n, "examen chargé", "examens chargés")}` : plural(n, "examen", "examens"),
  filterCount: (shown: number, all: number) => `${shown} sur ${plural(all, "examen", "examens")}`,
  filterNone: "Aucun examen chargé ne correspond",
  filterNoneMore:
    "D’autres examens restent à charger : le filtre ne porte que sur ceux déjà affichés.",
  filterNoneAll: "Vérifiez l’orthographe, ou cherchez par n° de demande ou identifiant.",
  more: "Charger la suite",
  moreLoading: "Chargement de la suite…",
  moreFailed: "La suite n’a pas pu être chargée.",
  end: "Tous les examens sont affichés.",
  emptyTitle: "Aucun examen pour l’instant",
  emptyText: "Ajoutez une première lame ou une photographie.",
  emptyDeposit: "Déposer une lame ou une photographie",
  emptyLine: "Depuis la ligne de commande :",
  emptyAfter: "L’examen apparaît ici dès que l’image est arrivée.",
  emptyCommand:
    'sansverre ingest LAME.svs --patient-id 12345 --issuer CHU \\\n  --patient-name "NOM^Prénom"',
  refresh: "Actualiser",

  noPatient: "Patient non identifié",
  noPatientHint: "Aucune identité n’est rattachée à cet examen",
  patient: "Patient",
  bornOn: (date: string, sex: "F" | "M" | "O" | null) =>
    `${{ F: "Née", M: "Né", O: "Né(e)" }[sex ?? "O"]} le ${date}`,
  birthUnknown: "Date de naissance inconnue",
  years: (n: number) => plural(n, "an", "ans"),
  months: (n: number) => `${n} mois`,
  sex: { F: "Féminin", M: "Masculin", O: "Autre" } as Record<"F" | "M" | "O", string>,
  sexUnknown: "Sexe inconnu",
  identifier: "Identifiant",
  accession: "N° de demande",
  accessionShort: "Acc.",
  noAccession: "Sans n° de demande",
  received: "Reçu le",
  establishment: "Établissement",
  slides: (n: number) => plural(n, "lame", "lames"),
  photos: (n: number) => plural(n, "photographie", "photographies"),
  images: (n: number) => plural(n, "image", "images"),
  kind: { slide: "Lame", photo: "Photographie" },
  kindNumber: { slide: (n: number) => `Lame ${n}`, photo: (n: number) => `Photo ${n}` },
  olderNumber: (n: number) => `Numérisation antérieure ${n}`,
  openImage: (name: string) => `Ouvrir : ${name}`,
  noImages: "Cet examen ne contient encore aucune image.",
  thumbnailMissing: "Aperçu indisponible",
  state: {
    received: "Reçue",
    opened: "En lecture",
    built: "En préparation",
    published: "Publiée",
    refused: "Refusée",
  },

  problem: {
    session: {
      title: "Votre session n’est pas ouverte",
      text: "Le lien d’accès a déjà servi, a expiré, ou cette page a été ouverte sans lui. Ouvrez l’adresse affichée par « sansverre serve » ; redémarrez le service pour en obtenir une nouvelle.",
    },
    link: {
      title: "Ce lien ne sert plus",
      text: "Un lien vers une image ne s’ouvre qu’une fois, et pour un temps. Ouvrez l’image à nouveau depuis le dossier d’où vous venez.",
    },
    forbidden: {
      title: "Accès refusé",
      text: "Votre session ne donne pas accès à cette page. Adressez-vous à l’administrateur du service si vous devriez y avoir accès.",
    },
    missing: {
      title: "Introuvable",
      text: "Cet examen, ce dossier ou cette image n’existe pas, ou n’est pas visible depuis votre établissement. Vérifiez l’adresse.",
    },
    network: {
      title: "Le serveur ne répond pas",
      text: "La page se rechargera d’elle-même dès que la connexion sera rétablie.",
    },
    server: {
      title: "Le serveur a rencontré une erreur",
      text: "Réessayez dans un instant. Si l’erreur persiste, signalez-la à l’administrateur avec l’heure de l’incident.",
    },
    refused: {
      title: "Cette image a été refusée",
      text: "Le fichier n’a pas pu être lu ou converti. La raison figure dans la sortie de « sansverre ingest » ; corrigez le fichier puis ajoutez-le de nouveau.",
    },
    image: {
      title: "L’image ne peut pas être affichée",
      text: "La description de l’image n’a pas pu être lue. Réessayez ; si l’erreur persiste, signalez-la à l’administrateur.",
    },
  },
  retry: "Réessayer",
  arriving: "En préparation : image d’origine du scanner",
  waitingTitle: "Image en préparation",
  waitingText: "Elle s’ouvrira ici d’elle-même dès qu’elle pourra être vue.",
  steps: { received: "Reçue", opened: "Lue", built: "Préparée", published: "Publiée" },
  offline: "Connexion au serveur perdue. Nouvelle tentative automatique…",
  online: "Connexion rétablie",
  tilesFailed: (n: number) =>
    n < 2
      ? "Une partie de l’image n’a pas pu être chargée"
      : `${n} parties de l’image n’ont pas pu être chargées`,

  deposit: {
    link: "Déposer",
    title: "Déposer des images",
    intro:
      "Lames virtuelles et photographies. Un envoi interrompu reprend où il en était, même après la fermeture de cette page.",
    drop: "Glissez ici des fichiers ou un dossier",
    dropOver: "Déposez maintenant",
    or: "ou",
    bring: "Choisissez des images à envoyer",
    files: "Choisir des fichiers",
    folder: "Choisir un dossier",
    kinds:
      "SVS, NDPI, MRXS, SCN, BIF, CZI, TIFF, DICOM, JPEG, HEIC, PNG… Pour une lame en plusieurs fichiers (MRXS, DICOM), déposez le dossier entier.",
    kindsPhone: "Lames virtuelles (SVS, NDPI, DICOM…) et photographies.",
    nothing: "Aucun fichier lisible dans ce qui a été déposé.",
    unreadableDrop: "Ce dossier n’a pas pu être lu. Choisissez-le par le bouton.",
    for: "Pour",
    whose: "Patient et examen",
    nobody: "Patient à préciser",
    nobodyHint: "maintenant, ou après l’envoi",
    choose: "Préciser le patient",
    change: "Changer",
    forget: "Sans patient",
    recent: "Dépôts",
    allSent: "Tout est envoyé",
    progressOf: (name: string) => `Progression : ${name}`,
    sentOf: (sent: string, all: string) => `${sent} sur ${all}`,
    left: (hours: number, minutes: number) =>
      hours > 0
        ? `encore ${hours} h${minutes > 0 ? ` ${String(minutes).padStart(2, "0")}` : ""}`
        : minutes <= 1
          ? "moins d’une minute"
          : `encore ${minutes} min`,
    estimating: "estimation…",
    more: (n: number) => `et ${plural(n, "autre fichier", "autres fichiers")}`,
    pauseAll: "Mettre en pause",
    resumeAll: "Reprendre",
    cancelAll: "Annuler le dépôt",
    cancelSure: "Annuler ce dépôt ? Ce qui a été envoyé sera effacé.",
    cancelYes: "Annuler le dépôt",
    cancelNo: "Continuer",
    remove: (name: string) => `Retirer ${name}`,
    retry: (name: string) => `Réessayer ${name}`,
    again: "Réessayer",
    open: "Ouvrir",
    openName: (name: string) => `Ouvrir ${name}`,
    bringAgain: "Choisir de nouveau",
    bringAgainText:
      "Cet envoi s’est arrêté avant la fin. Glissez ou choisissez de nouveau les mêmes fichiers : il reprendra où il en était.",
    unfinishedText:
      "Ces fichiers sont arrivés, mais la page a été fermée avant la fin du dépôt. Ajoutez ce qui manque, ou dites que c’est tout.",
    finish: "C’est tout",
    unassignedText:
      "Les images sont arrivées et vérifiées. Dites à qui elles sont pour qu’elles entrent dans l’archive.",
    fateSent: "Envoyé",
    fate: {
      queued: "En attente",
      sending: "Envoi",
      paused: "En pause",
      interrupted: "Interrompu, reprise automatique",
      elsewhere: "Envoi depuis une autre page",
      wanted: "À choisir de nouveau",
      failed: "Échec",
      checking: "Vérification",
      unassigned: "Arrivée, attend son patient",
      preparing: "En préparation",
      ready: "Prête",
      refused: "Refusée",
      companion: "Reçu",
    },
    why: {
      session: "Votre session est terminée. Ouvrez-en une nouvelle, puis réessayez.",
      unreadable:
        "Le fichier n’est plus lisible : il a été modifié, déplacé ou son support retiré. Choisissez-le de nouveau.",
      busy: "Le serveur n’a pas pu recevoir ce fichier après plusieurs essais.",
      "403": "Votre session ne permet pas de déposer des images.",
      "413": "Ce fichier dépasse la taille ou le quota permis à votre établissement.",
      "507": "Le serveur n’a plus assez de place pour ce fichier.",
      other: "Le serveur n’a pas accepté ce fichier.",
    },
    done: (ready: number, refused: number) =>
      [
        ready > 0 && plural(ready, "image prête", "images prêtes"),
        refused > 0 && plural(refused, "refusée", "refusées"),
      ]
        .filter(Boolean)
        .join(", ") || "Aucune image",
    newsAdded: (n: number) => `${plural(n, "fichier ajouté", "fichiers ajoutés")}`,
    newsResumed: (n: number) =>
      `${plural(n, "fichier retrouvé : l’envoi reprend", "fichiers retrouvés : l’envoi reprend")}`,
    newsQuarter: (percent: number) => `Envoi : ${percent} %`,
    newsSent: "Envoi terminé, vérification en cours",
    newsReady: (name: string) => `${name} : prête`,
    newsRefused: (name: string) => `${name} : refusée`,
    newsFailed: (name: string) => `${name} : échec de l’envoi`,
    dialog: {
      title: "À qui sont ces images ?",
      find: "Reprendre d’un examen existant",
      findHint: "Nom, identifiant, n° de demande…",
      found: "Examens trouvés",
      none: "Aucun examen récent ne correspond.",
      byHand: "Ou saisir",
      patientId: "Identifiant du patient",
      issuer: "Attribué par",
      issuerHint: "p. ex. CHU, INS",
      family: "Nom",
      given: "Prénom",
      birth: "Date de naissance",
      sex: "Sexe",
      accession: "N° de demande",
      accessionIssuer: "N° de demande attribué par",
      accessionIssuerHint: "p. ex. le laboratoire",
      save: "Enregistrer",
      cancel: "Fermer sans changer",
      needId: "Indiquez l’identifiant du patient, ou le n° de demande.",
      needNumber: "Indiquez aussi le n° de demande.",
      failed: "L’enregistrement a échoué. Réessayez.",
      taken: "Des images sont déjà entrées dans l’archive pour ce dépôt : il ne change plus.",
    },
  },

  body: bodyFr,
  lesions: lesionsFr,
  capture: captureFr,
  move: moveFr,
  opened: openedFr,
  worklist: worklistFr,
  day: dayFr,
  outbox: outboxFr,
  cases: casesFr,
  reports: reportsFr,
  timeline: timelineFr,
  identities: identitiesFr,
  out: outFr,
  cover: {
    title: "Photographie couverte",
    why: {
      intimate:
        "Elle montre une région intime. N’ouvrez que si le soin le demande, à l’abri des regards.",
      recognizable: "La personne peut y être reconnue. N’ouvrez que si le soin le demande.",
    },
    recorded: "L’ouverture est enregistrée.",
    open: "Ouvrir la photographie",
    short: { intimate: "Intime", recognizable: "Reconnaissable" },
  },
  phones: phonesFr,

  viewer: "Visionneuse",
  stage:
    "Image. Flèches pour se déplacer, plus et moins pour zoomer, point d’interrogation pour l’aide.",
  tools: "Outils",
  zoomIn: "Agrandir (+)",
  zoomOut: "Réduire (−)",
  fit: "Vue entière (0)",
  fitShort: "Entière",
  rotateLeft: "Tourner de 90° à gauche (Maj+R)",
  rotateRight: "Tourner de 90° à droite (R)",
  rotateReset: "Remettre droite",
  rotation: "Rotation",
  rotationHint: "Rotation : glisser ou flèches pour tourner, Entrée pour remettre droite",
  navigator: "Carte de l’image (N)",
  navigatorLabel: "Carte de l’image",
  fullscreen: "Plein écran (F)",
  fullscreenExit: "Quitter le plein écran (F)",
  facts: "Caractéristiques (I)",
  help: "Aide et raccourcis (?)",
  copyLink: "Copier le lien vers cette vue",
  copied: "Lien copié. Il mène à cette vue exacte, pour qui a accès à l’image.",
  copyByHand: "Copiez ce lien :",
  imagesStrip: "Images de l’examen",

  magnification: "Grossissement",
  magnificationValue: (value: string) => `Grossissement ${value}`,
  magnificationUnknown: "Grossissement inconnu : l’espacement des pixels n’est pas enregistré",
  zoomValue: (percent: string) => `Zoom ${percent}`,
  digital: "zoom numérique",
  digitalShort: "num.",
  magnificationHint: (value: string, um: string, dpr: string | null) =>
    `${value} : ${um} µm par pixel d’affichage (CSS)${dpr ? `, soit ${dpr} pixels physiques de cet écran` : ""}`,
  digitalHint: "au-delà de la résolution numérisée, sans détail supplémentaire",
  oneToOne: "Un pixel de l’image pour un pixel physique de l’écran",
  scale: (length: string) => `Échelle : ${length}`,
  noScaleSlide: "Pas d’échelle : espacement des pixels non enregistré",
  noScalePhoto: "Pas d’échelle : photographie sans mesure",

  factsTitle: "Caractéristiques",
  factGroups: {
    image: "Image",
    scanner: "Numérisation",
    identity: "Identification",
    pictures: "Images associées",
  },
  fact: {
    kind: "Nature",
    size: "Dimensions",
    physical: "Surface",
    spacing: "Espacement",
    objective: "Objectif",
    levels: "Niveaux",
    tile: "Tuiles",
    format: "Format d’origine",
    icc: "Profil couleur (ICC)",
    manufacturer: "Fabricant",
    model: "Appareil",
    acquired: "Date",
    barcode: "Code-barres",
    accession: "N° de demande",
    sha256: "Empreinte SHA‑256",
    label: "Étiquette",
    overview: "Vue d’ensemble",
  },
  unknown: "Non renseigné",
  present: "Présent",
  absent: "Absent",

  helpTitle: "Aide",
  helpKeyboard: "Clavier",
  helpMouse: "Souris",
  helpTouch: "Écran tactile",
  helpAbout: "À propos",
  keys: {
    pan: "Se déplacer (Maj : d’un écran)",
    zoom: "Agrandir, réduire",
    fit: "Vue entière",
    magnify: "×5, ×10, ×20, ×40",
    magnifyPhoto: "100 %",
    rotate: "Tourner de 90° à droite, à gauche",
    navigator: "Carte de l’image",
    fullscreen: "Plein écran",
    facts: "Caractéristiques",
    siblings: "Image précédente, suivante",
    help: "Cette aide",
    shift: "Maj",
    arrows: "Flèches",
  },
  mouse: {
    drag: "Glisser",
    pan: "Se déplacer",
    wheel: "Molette",
    zoom: "Agrandir, réduire sous le pointeur",
    shiftDrag: "Maj + glisser",
    rotate: "Tourner librement",
    double: "Double clic",
    doubleZoom: "Agrandir",
  },
  touch: {
    one: "Un doigt",
    pinch: "Pincer",
    twist: "Tourner deux doigts",
    pan: "Se déplacer",
    zoom: "Agrandir, réduire",
    rotate: "Tourner librement",
  },
};

export type Messages = typeof fr;
