"""The triggers that keep a PostgreSQL journal append-only; ``verify`` compares them with what is there."""

from __future__ import annotations

#: Body of each trigger function, by name. The end of an index, and not ``max``: for a short stream PostgreSQL
#: thinks it as good to read all of it, and keeps that plan while it grows.
FUNCTIONS = {
    "journal_entries_insert": """
BEGIN
  IF NEW.seq <> coalesce((SELECT seq + 1 FROM entries ORDER BY seq DESC LIMIT 1), 0)
    OR NEW.position <> coalesce((
      SELECT position + 1 FROM entries WHERE stream = NEW.stream ORDER BY position DESC LIMIT 1
    ), 0) THEN
    RAISE EXCEPTION 'the journal takes an entry at its end only'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END""",
    "journal_subtrees_insert": """
BEGIN
  IF NEW.seq <= coalesce((SELECT seq FROM subtrees ORDER BY seq DESC LIMIT 1), 0) THEN
    RAISE EXCEPTION 'the journal takes a subtree at its end only'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END""",
    "journal_head_insert": """
BEGIN
  IF EXISTS (SELECT 1 FROM head) THEN
    RAISE EXCEPTION 'the journal has one head'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END""",
    "journal_head_update": """
BEGIN
  IF NEW.size <= OLD.size THEN
    RAISE EXCEPTION 'the journal only grows'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END""",
    "journal_append_only": """
BEGIN
  RAISE EXCEPTION 'the journal is append-only'
      USING ERRCODE = 'integrity_constraint_violation';
END""",
}

#: Table, event and function of each trigger, by name.
TRIGGERS = {
    "entries_insert": ("entries", "BEFORE INSERT", "journal_entries_insert"),
    "entries_change": ("entries", "BEFORE UPDATE OR DELETE", "journal_append_only"),
    "entries_truncate": ("entries", "BEFORE TRUNCATE", "journal_append_only"),
    "subtrees_insert": ("subtrees", "BEFORE INSERT", "journal_subtrees_insert"),
    "subtrees_change": ("subtrees", "BEFORE UPDATE OR DELETE", "journal_append_only"),
    "subtrees_truncate": ("subtrees", "BEFORE TRUNCATE", "journal_append_only"),
    "head_insert": ("head", "BEFORE INSERT", "journal_head_insert"),
    "head_update": ("head", "BEFORE UPDATE", "journal_head_update"),
    "head_delete": ("head", "BEFORE DELETE", "journal_append_only"),
    "head_truncate": ("head", "BEFORE TRUNCATE", "journal_append_only"),
}


def statements() -> list[str]:
    """Return what makes functions and triggers in the present schema of the search path."""
    made = [
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT "
        f"AS $journal${body}$journal$"
        for name, body in FUNCTIONS.items()
    ]
    for name, (table, event, function) in TRIGGERS.items():
        each = "STATEMENT" if event.endswith("TRUNCATE") else "ROW"
        made.append(f"CREATE TRIGGER {name} {event} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()")
        # ALWAYS: a session that plays a replica (session_replication_role) is held to it as well.
        made.append(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
    return made


def timing(event: str) -> int:
    """Return ``pg_trigger.tgtype`` of a trigger on this event: 1 a row, 2 before, and the events."""
    bits = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
    rows = 0 if "TRUNCATE" in event else 1
    return rows + 2 + sum(bit for word, bit in bits.items() if word in event)
