//! Certificates by the `openssl` program: an authority of the test's own, serving and client certificates, expired ones too.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::run;

/// An authority in a folder.
#[derive(Clone, Debug)]
pub struct Authority {
    openssl: PathBuf,
    dir: PathBuf,
}

/// A certificate with its key.
#[derive(Clone, Debug)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// From when until when a certificate holds, as `openssl ca` writes it: two digits a part, the year first.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    Now,
    Expired,
    NotYet,
}

impl Validity {
    fn dates(self) -> [&'static str; 2] {
        match self {
            Self::Now => ["20200101000000Z", "20490101000000Z"],
            Self::Expired => ["20200101000000Z", "20240101000000Z"],
            Self::NotYet => ["20480101000000Z", "20490101000000Z"],
        }
    }
}

/// What `openssl ca` wants to know; sections by what the certificate is for.
const CONFIG: &str = "[ca]\ndefault_ca = us\n[us]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\n\
certificate = ca.crt\nprivate_key = ca.key\ndefault_md = sha256\npolicy = any\nunique_subject = no\ncopy_extensions = none\n\
[any]\ncommonName = supplied\norganizationName = optional\n\
[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = unused\n\
[v3_ca]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\n\
[serving]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = serverAuth\n\
subjectAltName = IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\n\
[client]\nbasicConstraints = critical,CA:FALSE\nkeyUsage = critical,digitalSignature\nextendedKeyUsage = clientAuth\n";

impl Authority {
    /// A new authority in `dir`, or `None` after a word that `openssl` is missing.
    pub fn new(dir: &Path) -> Option<Self> {
        let openssl = super::need("openssl")?;
        std::fs::create_dir_all(dir).expect("a folder for certificates");
        std::fs::write(dir.join("openssl.cnf"), CONFIG).expect("written");
        std::fs::write(dir.join("index.txt"), "").expect("written");
        std::fs::write(dir.join("serial"), "1000\n").expect("written");
        let this = Self { openssl, dir: dir.to_owned() };
        this.key("ca");
        this.openssl(
            "req -x509 -new -config openssl.cnf -extensions v3_ca -key ca.key -days 3650 -out ca.crt",
            "/CN=test ca",
        );
        Some(this)
    }

    /// The authority's own certificate.
    pub fn ca(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    fn openssl(&self, line: &str, subject: &str) {
        let mut command = Command::new(&self.openssl);
        command.current_dir(&self.dir).args(line.split_whitespace());
        if !subject.is_empty() {
            command.args(["-subj", subject]);
        }
        let (code, out, err) = run(&mut command);
        assert_eq!(code, 0, "openssl {line}: {out}{err}");
    }

    /// A new private key, `NAME.key`.
    pub fn key(&self, name: &str) -> PathBuf {
        self.openssl(&format!("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out {name}.key"), "");
        self.dir.join(format!("{name}.key"))
    }

    /// A key and its public half: what signs and checks service account tokens.
    pub fn signing(&self, name: &str) -> Pair {
        let key = self.key(name);
        self.openssl(&format!("pkey -in {name}.key -pubout -out {name}.pub"), "");
        Pair { cert: self.dir.join(format!("{name}.pub")), key }
    }

    /// A certificate for a server on loopback.
    pub fn serving(&self, name: &str, validity: Validity) -> Pair {
        self.issue(name, "serving", "/CN=127.0.0.1", validity)
    }

    /// A certificate that names a user and a group.
    pub fn client(&self, user: &str, group: &str, validity: Validity) -> Pair {
        self.issue(user, "client", &format!("/O={group}/CN={user}"), validity)
    }

    fn issue(&self, name: &str, section: &str, subject: &str, validity: Validity) -> Pair {
        let key = self.key(name);
        let [from, until] = validity.dates();
        self.openssl(&format!("req -new -config openssl.cnf -key {name}.key -out {name}.csr"), subject);
        let dates = format!("-startdate {from} -enddate {until}");
        let files = format!("-in {name}.csr -out {name}.crt");
        self.openssl(&format!("ca -batch -notext -config openssl.cnf -extensions {section} {dates} {files}"), subject);
        Pair { cert: self.dir.join(format!("{name}.crt")), key }
    }
}
