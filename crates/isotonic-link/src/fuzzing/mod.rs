//! The targets that cargo-fuzz runs (`fuzz/` in the repository), and the replay of their corpora in the
//! ordinary tests. They check what must be true, not only that nothing panics.

mod handshake;
mod records;

pub use handshake::handshake;
pub use records::records;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn the_corpus_of_the_records_passes() {
        replay("records", super::records);
    }

    #[test]
    fn the_corpus_of_the_handshake_passes() {
        replay("handshake", super::handshake);
    }

    /// The corpus is in the repository only, not in the package.
    fn replay(name: &str, target: fn(&[u8])) {
        let corpora = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus");
        let folder = Path::new(corpora).join(name);
        let mut replayed = 0;
        for file in fs::read_dir(&folder).expect("the corpus") {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&fs::read(path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{} is empty", folder.display());
    }
}
