/** The text on one line and without escape sequences, whoever wrote it: control characters become a blank. */
export const printable = (text: string): string => text.replace(/\p{Cc}+/gu, " ")
