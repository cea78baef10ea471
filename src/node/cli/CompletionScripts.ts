/**
 * Completion scripts for bash, zsh and fish over one table. They read the store's folders for the symbols, so a
 * press of Tab starts no program unless ids of operations are to be completed.
 */
import * as Shells from "./Shell.js"

export type Shell = "bash" | "zsh" | "fish"

export interface Word {
  readonly word: string
  readonly meaning: string
}

/**
 * What may stand where: at `data:commands` behind `data`; at `data load:--mode` the values of an option, at
 * `data load:options` the options themselves, at `data load:0` the first argument, at `data load:*` all that are
 * not named.
 */
export interface Table {
  readonly groups: ReadonlyArray<string>
  readonly entries: ReadonlyArray<{ readonly at: string; readonly words: ReadonlyArray<Word> }>
}

export const of = (shell: Shell, table: Table): string => scripts[shell](table)

// ---------------------------------------------------------------------------------------------------------

/** A word in single quotes wherever it needs them, as POSIX shells have it. */
const quote = (word: string): string => (word === "" ? "''" : Shells.join([word]))

/** The same for fish, where a backslash escapes inside single quotes. */
const fishQuote = (word: string): string => `'${word.replace(/[\\']/g, "\\$&")}'`

const line = ({ word, meaning }: Word): string => `${word}\t${meaning}`

/** A pattern that only the place itself fits, or for `*` any position. */
const posixPattern = (at: string): string =>
  at.endsWith(":*") ? `${quote(at.slice(0, -1))}[0-9]*` : quote(at)

const takesValue = ({ entries }: Table): ReadonlyArray<string> =>
  entries.map(({ at }) => at).filter((at) => /:-/.test(at))

const posixTable = (table: Table): string => `_ktrdr_table() {
  case $1 in
${table.entries
  .filter(({ words }) => words.length > 0)
  .map(
    ({ at, words }) =>
      `    ${posixPattern(at)}) printf '%s\\n' ${words.map((word) => quote(line(word))).join(" ")} ;;`,
  )
  .join("\n")}
  esac
}

_ktrdr_takes_value() {
  case $1 in
    ${takesValue(table).map(quote).join(" | ")}) return 0 ;;
  esac
  return 1
}

_ktrdr_is_group() {
  case $1 in
    ${table.groups.map(quote).join(" | ")}) return 0 ;;
  esac
  return 1
}

# The folders of the store are its symbols.
_ktrdr_symbols() {
  local LC_ALL=C folder name
  for folder in "\${KTRDR_HOME:-.ktrdr}"/data/candles/*/*/; do
    [ -d "$folder" ] || continue
    name=\${folder%/}
    name=\${name##*/}
    case $name in
      *[!A-Z0-9._-]*) ;;
      *) printf '%s\\n' "$name" ;;
    esac
  done | sort -u
}

_ktrdr_operations() {
  ktrdr operations list --limit 50 --json 2> /dev/null | sed -n 's/^{"id":"\\([^"]*\\)".*/\\1/p'
}`

const head = (shell: Shell, lines: ReadonlyArray<string>): string =>
  [
    `# Completions of ktrdr for ${shell}, as \`ktrdr completions ${shell}\` prints them.`,
    ...lines.map((_) => `# ${_}`),
  ].join("\n")

const scripts: { readonly [S in Shell]: (table: Table) => string } = {
  bash: (table) => `${head("bash", [
    'For this shell: eval "$(ktrdr completions bash)"',
    "For good: ktrdr completions bash > ~/.local/share/bash-completion/completions/ktrdr",
  ])}

${posixTable(table)}

_ktrdr() {
  local current=\${COMP_WORDS[COMP_CWORD]} path= slot= pending= only_arguments= position=0 index word upper
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    if [[ $word == "=" && -n $pending ]]; then
      continue
    elif [[ $word == "=" || $word == ":" ]]; then
      ((index++))
    elif [[ -n $pending ]]; then
      pending=
    elif [[ -z $only_arguments && $word == -- ]]; then
      only_arguments=1
    elif [[ -z $only_arguments && $word == -* ]]; then
      if _ktrdr_takes_value "$path:$word"; then pending=$word; fi
    elif _ktrdr_is_group "$path"; then
      path=\${path:+$path }$word
    else
      ((position++))
    fi
  done
  if [[ -n $pending ]]; then
    slot=$pending
    if [[ $current == "=" ]]; then current=; fi
  elif [[ -z $only_arguments && $current == -* ]]; then
    slot=options
  elif _ktrdr_is_group "$path"; then
    slot=commands
  else
    slot=$position
  fi
  upper=$(printf %s "$current" | tr '[:lower:]/' '[:upper:].')
  while IFS= read -r word; do
    word=\${word%%$'\\t'*}
    if [[ $word == @files ]]; then
      compopt -o filenames 2> /dev/null
      while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    elif [[ $word == @symbols ]]; then
      while IFS= read -r word; do
        if [[ $word == "$upper"* ]]; then COMPREPLY+=("$word"); fi
      done < <(_ktrdr_symbols)
    elif [[ $word == @operations ]]; then
      while IFS= read -r word; do
        if [[ $word == "$current"* || $word == *"$current" ]]; then COMPREPLY+=("$word"); fi
      done < <(_ktrdr_operations)
    elif [[ $word == "$current"* ]]; then
      COMPREPLY+=("$word")
    fi
  done < <(_ktrdr_table "$path:$slot")
}

complete -F _ktrdr ktrdr`,

  zsh: (table) => `#compdef ktrdr
${head("zsh", [
  'For this shell: eval "$(ktrdr completions zsh)"',
  "For good: ktrdr completions zsh > a folder of $fpath, as _ktrdr",
])}

${posixTable(table)}

_ktrdr() {
  setopt local_options null_glob
  local current=$words[CURRENT] at= slot= pending= only_arguments= word meaning
  local -i position=0 index
  local -a described
  for ((index = 2; index < CURRENT; index++)); do
    word=$words[index]
    if [[ -n $pending ]]; then
      pending=
    elif [[ -z $only_arguments && $word == -- ]]; then
      only_arguments=1
    elif [[ -z $only_arguments && $word == -* ]]; then
      if _ktrdr_takes_value "$at:$word"; then pending=$word; fi
    elif _ktrdr_is_group "$at"; then
      at=\${at:+$at }$word
    else
      position=position+1
    fi
  done
  if [[ -n $pending ]]; then
    slot=$pending
  elif [[ -z $only_arguments && $current == --*=* ]]; then
    slot=\${current%%=*}
    compset -P '*='
  elif [[ -z $only_arguments && $current == -* ]]; then
    slot=options
  elif _ktrdr_is_group "$at"; then
    slot=commands
  else
    slot=$position
  fi
  while IFS=$'\\t' read -r word meaning; do
    if [[ $word == @files ]]; then
      _files
    elif [[ $word == @symbols ]]; then
      compadd -M 'm:{a-z/}={A-Z.}' -- \${(f)"$(_ktrdr_symbols)"}
    elif [[ $word == @operations ]]; then
      compadd -M 'l:|=*' -- \${(f)"$(_ktrdr_operations)"}
    else
      described+=("\${word//:/\\\\:}\${meaning:+:$meaning}")
    fi
  done < <(_ktrdr_table "$at:$slot")
  if (( ! $#described )); then return; fi
  if [[ $slot == options ]]; then _describe -o option described; else _describe value described; fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _ktrdr "$@"; else compdef _ktrdr ktrdr; fi`,

  fish: (table) => `${head("fish", [
    "For this shell: ktrdr completions fish | source",
    "For good: ktrdr completions fish > ~/.config/fish/completions/ktrdr.fish",
  ])}

function __ktrdr_table
  switch $argv[1]
${table.entries
  .filter(({ words }) => words.length > 0)
  .map(({ at, words }) => {
    const place = at.endsWith(":*") ? `${at.slice(0, -1)}[0-9]` : at
    return `    case ${fishPlaces(place)}\n      printf '%s\\n' ${words.map((word) => fishQuote(line(word))).join(" ")}`
  })
  .join("\n")}
  end
end

function __ktrdr_symbols
  set -l home .ktrdr
  if set -q KTRDR_HOME; and test -n "$KTRDR_HOME"
    set home $KTRDR_HOME
  end
  set -l folders $home/data/candles/*/*/
  for folder in $folders
    string match -r '^[A-Z0-9._-]+$' -- (string split / -- $folder)[-2]
  end | sort -u
end

function __ktrdr_operations
  ktrdr operations list --limit 50 --json 2> /dev/null | string replace -rf '^\\{"id":"([^"]*)".*' '$1'
end

function __ktrdr_complete
  set -l at ''
  set -l pending ''
  set -l only_arguments 0
  set -l position 0
  set -l groups ${table.groups.map(fishQuote).join(" ")}
  set -l valued ${takesValue(table).map(fishQuote).join(" ")}
  for word in (commandline -opc)[2..-1]
    if test -n "$pending"
      set pending ''
    else if test $only_arguments = 0; and test "$word" = --
      set only_arguments 1
    else if test $only_arguments = 0; and string match -q -- '-*' "$word"
      contains -- "$at:$word" $valued; and set pending $word
    else if contains -- "$at" $groups
      set at (string trim -- "$at $word")
    else
      set position (math $position + 1)
    end
  end
  set -l current (commandline -ct)
  set -l prefix ''
  set -l slot $position
  if test -n "$pending"
    set slot $pending
  else if test $only_arguments = 0; and string match -q -- '--*=*' "$current"
    set slot (string split -m 1 = -- "$current")[1]
    set prefix "$slot="
    set current (string split -m 1 = -- "$current")[2]
  else if test $only_arguments = 0; and string match -q -- '-*' "$current"
    set slot options
  else if contains -- "$at" $groups
    set slot commands
  end
  for entry in (__ktrdr_table "$at:$slot")
    switch $entry
      case '@files*'
        __fish_complete_path "$current" | string replace -r '^' -- "$prefix"
      case '@symbols*'
        __ktrdr_symbols | string replace -r '^' -- "$prefix"
      case '@operations*'
        __ktrdr_operations | string replace -r '^' -- "$prefix"
      case '*'
        printf '%s\\n' "$prefix$entry"
    end
  end
end

complete -c ktrdr -f -a '(__ktrdr_complete)'`,
}

/** The `case` of fish knows `*` alone: a position that is not named is one of ten first digits. */
const fishPlaces = (place: string): string =>
  place.endsWith(":[0-9]")
    ? Array.from({ length: 10 }, (_, digit) => fishQuote(`${place.slice(0, -5)}${digit}*`)).join(" ")
    : fishQuote(place)
