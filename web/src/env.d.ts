/** The address of the list of licences; set by vite.config.ts. */
declare const LICENCES: string;
