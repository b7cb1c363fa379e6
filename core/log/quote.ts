/** What stands in a logfmt value without quotes: visible ASCII that does not end it. */
const PLAIN = /^[!#-<>-[\]-~]+$/;
/** What terminals act on, beside what JSON escapes already. */
const CONTROLS = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** What terminals act on in lines of text, beside their ends and tabs. */
const LINE_CONTROLS = new RegExp(`[\\0-\\x08\\x0b-\\x1f]|${CONTROLS.source}`, "g");

const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** A text as JSON, in which nothing acts on a terminal. */
export function jsonText(text: string): string {
  return JSON.stringify(text).replace(CONTROLS, escaped);
}

/** Lines of text in which nothing acts on a terminal. */
export function harmlessLines(text: string): string {
  return text.replace(LINE_CONTROLS, escaped);
}

/** A text for reading: as it is, or as JSON where that would act on a terminal or show nothing. */
export function shownText(text: string): string {
  const json = jsonText(text);
  return text !== "" && json.length === text.length + 2 ? text : json.replaceAll('\\"', '"');
}

/** A text as a value of logfmt: as it is, or as JSON where it would not end where it should. */
export function logfmtText(text: string): string {
  return PLAIN.test(text) ? text : jsonText(text);
}
