//! Which key may sign a log: the one that its first entry names, for as long as there is that log.

use crate::ledger::LogReader;
use crate::model::Happening;
use crate::seal::{self, SigningKey};

/// The key, unless the log names another one: a head that another key signed makes a whole log look forged to everyone who
/// verifies it. A log that names none is signed by the key that there is.
pub(super) fn of_log(reader: &LogReader, key: Option<SigningKey>) -> Option<SigningKey> {
    let first = reader.line(1).ok().flatten().and_then(|line| seal::decode(&line).ok());
    let Some(Happening::Genesis(genesis)) = first.map(|entry| entry.happening) else { return key };
    key.filter(|key| {
        let fits = genesis.key.is_empty() || seal::same_key(&genesis.key, &key.public());
        if !fits {
            tracing::error!(
                log = genesis.log,
                "the log names another key than log.key, so its heads are not signed any more: put that key back, or archive \
                 the log and begin a new one"
            );
        }
        fits
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock, Random};
    use crate::ledger::{FileStorage, Ledger, OpenOptions};

    fn log(dir: &Path, key: &str) -> LogReader {
        let options = OpenOptions {
            dir: dir.join("log"),
            room: "test".to_owned(),
            src: "host".to_owned(),
            boot: "boot".to_owned(),
            drill: false,
            key: key.to_owned(),
            allow_fs: Vec::new(),
            check_fs: false,
            snapshot: None,
        };
        Ledger::open(options, Arc::new(FileStorage), Clock::real(), Random::seeded(7)).expect("a log").ledger.reader()
    }

    #[test]
    fn a_log_is_signed_by_the_key_that_it_names_and_by_no_other() {
        let home = tempfile::tempdir().expect("a folder");
        let key = |seed: u8| {
            let private = ssh_key::PrivateKey::from(ssh_key::private::Ed25519Keypair::from_seed(&[seed; 32]));
            SigningKey::parse(&private.to_openssh(ssh_key::LineEnding::LF).expect("text")).expect("a key")
        };
        let (own, other) = (key(1), key(2));
        let named = log(home.path(), &format!("{} a comment", own.public()));
        assert!(of_log(&named, Some(other)).is_none());
        assert!(of_log(&named, Some(own)).is_some());
        let nameless = tempfile::tempdir().expect("a folder");
        assert!(of_log(&log(nameless.path(), ""), Some(key(2))).is_some(), "it names none");
    }
}
