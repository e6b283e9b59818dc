//! `docs/CONFORMANCE.md`: what passes where.

use crate::{cases, foreign, links};
use conformance::case::Case;
use conformance::interop;
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

/// Where a case was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    /// Between our own client and service, over this link.
    Link(&'static str),
    /// With this foreign peer.
    Peer(&'static str),
}

impl Column {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Link(name) | Self::Peer(name) => name,
        }
    }

    /// Whether the case is ours, and so its deviation too.
    fn has_our_client(self) -> bool {
        let has_name = |peer: &&foreign::Peer| peer.name == self.name();
        match self {
            Self::Link(_) => true,
            Self::Peer(_) => foreign::PEERS
                .iter()
                .find(has_name)
                .is_some_and(foreign::Peer::is_server),
        }
    }
}

/// A case's name and its deviation.
type Row = (&'static str, Option<&'static str>);

fn row(case: &'static Case) -> Row {
    (case.name, case.deviation)
}

/// What has passed.
#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<BTreeSet<(Column, String)>>);

impl Table {
    pub(crate) fn passed(&self, column: Column, case: &str) {
        let mut passed = self.0.lock().expect("no panic while it was locked");
        passed.insert((column, case.to_owned()));
    }

    /// Compares it with the file, or writes the file if that is asked for.
    pub(crate) fn keep(&self) -> Result<(), String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFORMANCE.md");
        let found = self.text();
        if std::env::var_os("ISOTONIC_WRITE_CONFORMANCE").is_some() {
            return fs::write(&path, found)
                .map_err(|error| format!("docs/CONFORMANCE.md: {error}"));
        }
        if fs::read_to_string(&path).is_ok_and(|kept| kept == found) {
            return Ok(());
        }
        Err("docs/CONFORMANCE.md is not what this run found: \
             run it again with ISOTONIC_WRITE_CONFORMANCE=1, and look at the difference"
            .to_owned())
    }

    fn text(&self) -> String {
        let links: Vec<Column> = links::KINDS
            .iter()
            .map(|kind| Column::Link(kind.name))
            .collect();
        let peers: Vec<Column> = foreign::PEERS
            .iter()
            .map(|peer| Column::Peer(peer.name))
            .collect();
        let mut text = String::from(INTRODUCTION);
        self.part(&mut text, cases().map(row), &links);
        text.push_str(PEERS);
        let official = interop::CASES.iter().map(row);
        self.part(&mut text, official.chain([(foreign::PLAIN, None)]), &peers);
        text.push_str("\nNot run:\n\n");
        for (reason, what) in foreign::not_run() {
            let _ = writeln!(text, "- {reason}: {what}.");
        }
        text
    }

    /// One table, and the deviations of its cases.
    fn part(&self, text: &mut String, rows: impl Iterator<Item = Row>, columns: &[Column]) {
        let passed = self.0.lock().expect("no panic while it was locked");
        let heads: String = columns
            .iter()
            .map(|column| format!(" {} |", column.name()))
            .collect();
        let rule = "---|".repeat(columns.len());
        let _ = writeln!(text, "| case |{heads}\n|---|{rule}");
        let mut deviations = Vec::new();
        let has_passed = |column: &Column, case: &str| passed.contains(&(*column, case.to_owned()));
        for (case, deviation) in rows {
            // None of these peers can do it: it is told below the table.
            if !columns.iter().any(|column| has_passed(column, case)) {
                continue;
            }
            let mark = deviation.map(|deviation| {
                let known = deviations.iter().position(|known| *known == deviation);
                let position = known.unwrap_or(deviations.len());
                if known.is_none() {
                    deviations.push(deviation);
                }
                format!(" ({})", position + 1)
            });
            let mark = mark.unwrap_or_default();
            let _ = write!(text, "| {case} |");
            for column in columns {
                let cell = match has_passed(column, case) {
                    true if column.has_our_client() => format!("pass{mark}"),
                    true => "pass".to_owned(),
                    false => "-".to_owned(),
                };
                let _ = write!(text, " {cell} |");
            }
            text.push('\n');
        }
        if !deviations.is_empty() {
            text.push('\n');
        }
        for (number, deviation) in deviations.iter().enumerate() {
            let _ = writeln!(text, "{}. {deviation}.", number + 1);
        }
    }
}

/// What stands above the first table.
const INTRODUCTION: &str = "\
# Conformance

What gRPC promises, and what was found. The tables are written by the run itself:

```sh
conformance/foreign/install # the gRPC stacks of other languages
cargo test -p conformance --test matrix
```

A number marks a case in which tonic over HTTP/2 answers otherwise than gRPC demands, over its own transports as well; the case expects
that answer. The first cases are the official ones of gRPC's interoperability tests, under their official names; each is
described at the function of its name in [`conformance/src`](../conformance/src).

## Over every link

Client and service are tonic's, unmodified. `tonic_tcp` and `tonic_uds` are tonic's own transports, without isotonic; `shm` is in shared
memory from the first byte, `shm_when_busy` moves there in the middle of what runs.

";

/// What stands above the second.
const PEERS: &str = "
## With other gRPC stacks

Clients call our listener, our connector calls the servers. No such peer knows of isotonic: they come to, and are found at, the same
sockets as our own.

";
