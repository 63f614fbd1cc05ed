//! Failures of our own side on the way to a server: nothing was asked there, so nothing follows about it.

use std::error::Error;
use std::io;

use nix::errno::Errno;

/// A name that could not be looked up from here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{host} can't be looked up from here: {why}")]
pub struct Unresolved {
    host: String,
    why: String,
    /// The name service answered that there is no such name; else it gave no answer at all.
    pub no_such_name: bool,
}

impl Unresolved {
    /// From what the system's resolver says. Its codes are lost in the standard library, so its sentences, which are those of
    /// the C library, are all that tells a name that is not there from a name service that does not answer.
    pub fn new(host: &str, why: &io::Error) -> Self {
        const NO_SUCH_NAME: [&str; 3] =
            ["Name or service not known", "Name does not resolve", "not provided, or not known"];
        let why = why.to_string();
        let no_such_name = NO_SUCH_NAME.iter().any(|it| why.contains(it));
        let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why).to_owned();
        Self { host: host.to_owned(), why, no_such_name }
    }
}

/// A connection that a proxy on the way did not make: what is behind it was not asked.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} made no connection: {source}")]
pub struct NotByProxy {
    /// Its address, without user and password.
    pub proxy: String,
    /// What failed on the way to it or at it, in its own words.
    pub source: Box<dyn Error + Send + Sync>,
}

/// What failed on our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSide {
    /// One line.
    pub what: String,
    /// The name service says that there is no such name: whoever asks for it gets the same answer.
    pub no_such_name: bool,
}

impl OwnSide {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), no_such_name: false }
    }
}

/// What failed on our side, if anything in a chain of causes did.
pub fn of(error: &(dyn Error + 'static)) -> Option<OwnSide> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(own) = of_cause(cause) {
            return Some(own);
        }
        next = cause.source();
    }
    None
}

/// [`of`] for one cause alone.
pub fn of_cause(cause: &(dyn Error + 'static)) -> Option<OwnSide> {
    if let Some(name) = wrapped::<Unresolved>(cause) {
        return Some(OwnSide { what: name.to_string(), no_such_name: name.no_such_name });
    }
    if let Some(proxy) = wrapped::<NotByProxy>(cause) {
        let inner = innermost(proxy.source.as_ref());
        return Some(OwnSide::new(format!("the proxy {} made no connection: {inner}", proxy.proxy)));
    }
    if let Some(what) = wrapped::<rustls::Error>(cause).and_then(of_trust) {
        return Some(OwnSide::new(what));
    }
    os_number(cause).and_then(of_os).map(OwnSide::new)
}

/// The system's error number, however many IO errors lie around it.
fn os_number(cause: &(dyn Error + 'static)) -> Option<i32> {
    let mut now = cause.downcast_ref::<io::Error>()?;
    loop {
        match now.raw_os_error() {
            Some(number) => return Some(number),
            None => now = now.get_ref()?.downcast_ref()?,
        }
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// What this host could not do, by the system's error number.
fn of_os(number: i32) -> Option<&'static str> {
    Some(match Errno::from_raw(number) {
        Errno::EMFILE | Errno::ENFILE => "this host has no more files to open for a connection",
        Errno::ENETUNREACH | Errno::ENETDOWN => "this host has no network to it",
        Errno::EADDRNOTAVAIL => "this host has no more ports or no address for a connection",
        Errno::ENOBUFS | Errno::ENOMEM => "this host has no memory for a connection",
        Errno::EPERM | Errno::EACCES => "this host does not allow the connection",
        _ => return None,
    })
}

/// A certificate that we can't check is no word about the server: our authorities, our name for it or our clock may be wrong.
fn of_trust(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else { return None };
    match bad {
        Bad::UnknownIssuer => Some("the server's certificate is not signed by an authority that we trust"),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            Some("the server's certificate is for other names than the one that we use")
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            Some("the server's certificate is not good yet by our clock")
        }
        _ => None,
    }
}

/// An error of a type, bare or inside IO errors, which hide what they wrap from the chain of causes.
pub fn wrapped<'a, E: Error + 'static>(cause: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut now = cause;
    loop {
        if let Some(found) = now.downcast_ref() {
            return Some(found);
        }
        now = now.downcast_ref::<io::Error>()?.get_ref()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_here_is_told_from_what_fails_there() {
        for number in [Errno::EMFILE, Errno::ENFILE, Errno::ENETUNREACH, Errno::EADDRNOTAVAIL, Errno::EPERM] {
            let error = io::Error::from_raw_os_error(number as i32);
            assert!(of(&error).is_some(), "{number}");
            assert!(of(&io::Error::other(error)).is_some(), "{number} inside another error");
        }
        for number in [Errno::ECONNREFUSED, Errno::ETIMEDOUT, Errno::ECONNRESET, Errno::EHOSTUNREACH] {
            assert_eq!(of(&io::Error::from_raw_os_error(number as i32)), None, "{number}");
        }
        let proxied = NotByProxy {
            proxy: "proxy:3128".into(),
            source: Box::new(io::Error::from(io::ErrorKind::ConnectionRefused)),
        };
        let own = of(&io::Error::other(proxied)).expect("ours");
        assert!(own.what.contains("proxy:3128") && own.what.contains("refused"), "{own:?}");
    }

    #[test]
    fn a_name_that_is_not_there_is_told_from_a_name_service_that_is_away() {
        let said = |text: &str| io::Error::other(format!("failed to lookup address information: {text}"));
        let own = |text: &str| of(&io::Error::other(Unresolved::new("api.example", &said(text)))).expect("ours");
        assert!(own("Name or service not known").no_such_name);
        let away = own("Temporary failure in name resolution");
        assert!(!away.no_such_name);
        assert_eq!(away.what, "api.example can't be looked up from here: Temporary failure in name resolution");
    }
}
