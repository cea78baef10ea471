/**
 * The tables of the database, for all who keep something in it: each step takes it from one version to the
 * next. A step that was released is never altered; a new one is added behind it.
 */

export interface Step {
  readonly statements: ReadonlyArray<string>
  /** Tables whose row numbers go on from those of a database that this one replaces. */
  readonly counted: ReadonlyArray<string>
}

export const steps: ReadonlyArray<Step> = [
  {
    statements: [
      `CREATE TABLE store.leases (
        token INTEGER PRIMARY KEY AUTOINCREMENT,
        boot TEXT NOT NULL,
        space TEXT NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        expires REAL NOT NULL
      )`,
      `CREATE TABLE store.operations (
        id TEXT PRIMARY KEY,
        created REAL NOT NULL,
        kind TEXT NOT NULL,
        status TEXT NOT NULL,
        parent TEXT,
        token INTEGER NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        version INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        resumedFrom TEXT,
        started REAL,
        completed REAL,
        sequence INTEGER NOT NULL,
        fraction REAL,
        message TEXT NOT NULL,
        cancellation TEXT,
        failure TEXT,
        kept TEXT,
        payload TEXT,
        settings TEXT NOT NULL,
        warnings TEXT NOT NULL,
        progress TEXT,
        result TEXT
      )`,
      "CREATE INDEX store.operations_listed ON operations (created, id, kind, status, parent)",
      `CREATE INDEX store.operations_active ON operations (token)
        WHERE status IN ('pending', 'running', 'cancelling')`,
      `CREATE INDEX store.operations_ended ON operations (completed, id)
        WHERE status IN ('completed', 'failed', 'cancelled')`,
      `CREATE TABLE store.pacing (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        scope TEXT NOT NULL,
        owner TEXT NOT NULL,
        at REAL NOT NULL,
        entry TEXT NOT NULL
      )`,
      "CREATE INDEX store.pacing_scope ON pacing (scope, id)",
    ],
    counted: ["leases", "pacing"],
  },
  {
    statements: ["ALTER TABLE store.operations ADD COLUMN isResumed INTEGER NOT NULL DEFAULT 0"],
    counted: [],
  },
]

export const version = steps.length

/**
 * What brings a database of version `from` to this one. `first` is the number from which rows of a new database
 * are counted: it has to be one that no database of that name before it has come to.
 */
export const migration = (from: number, first: number): ReadonlyArray<string> => [
  ...steps
    .slice(from)
    .flatMap(({ statements, counted }) => [
      ...statements,
      ...counted.map(
        (table) => `INSERT INTO store.sqlite_sequence (name, seq) VALUES ('${table}', ${first})`,
      ),
    ]),
  `PRAGMA store.user_version = ${version}`,
]
