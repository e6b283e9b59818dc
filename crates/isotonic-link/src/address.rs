//! What a user writes to name a service.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The longest socket path or abstract name in bytes: `sun_path` has 108, of which one is the
/// terminating (or leading) zero (unix(7)).
const MAX_SOCKET_NAME: usize = 107;

/// Where a service is reached, or where it listens.
///
/// Written as text, with gRPC's own naming where it has one:
///
/// | text | means |
/// |---|---|
/// | `unix:/run/orders.sock` | a Unix socket at a path, absolute or relative; `unix:///run/orders.sock` is the same |
/// | `unix-abstract:orders` | a Unix socket in Linux's abstract namespace |
/// | `http://orders:50051` | TCP; `http://[::1]:50051` for IPv6; a listener may use port 0 |
/// | `pipe:` | the standard input and output of a child process (server side only) |
/// | `fifo:/run/orders` | two FIFOs beside each other, for one client at a time |
///
/// ```
/// use isotonic_link::Address;
///
/// let address: Address = "unix:/run/orders.sock".parse()?;
/// assert_eq!(address, Address::Unix("/run/orders.sock".into()));
/// assert_eq!(address.to_string(), "unix:/run/orders.sock");
///
/// let error = "/run/orders.sock".parse::<Address>().unwrap_err();
/// assert!(error.to_string().contains("unix:/run/orders.sock"));
/// # Ok::<(), isotonic_link::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A Unix stream socket in the file system.
    Unix(PathBuf),
    /// A Unix stream socket in the abstract namespace, which has no permissions: only the peer's
    /// credentials decide who may talk.
    UnixAbstract(String),
    /// TCP to or at a host and port.
    Tcp {
        /// A host name or an IP address, the latter without brackets.
        host: String,
        /// The port; 0 lets a listener choose.
        port: u16,
    },
    /// Standard input and output.
    Pipe,
    /// Two FIFOs, `PREFIX.c2s` and `PREFIX.s2c`, and a lock, `PREFIX.lock`.
    Fifo(PathBuf),
}

/// An address that cannot be understood or used, with an example of a right one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the address `{address}`: {problem}; write for example `{example}`")]
pub struct AddressError {
    /// What was written.
    pub address: String,
    /// What is wrong with it.
    pub problem: String,
    /// A right address that comes near.
    pub example: &'static str,
}

/// So that an [`Address`] is accepted wherever text is.
impl From<std::convert::Infallible> for AddressError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

const UNIX_EXAMPLE: &str = "unix:/run/orders.sock";
const ABSTRACT_EXAMPLE: &str = "unix-abstract:orders";
const TCP_EXAMPLE: &str = "http://orders:50051";
const PIPE_EXAMPLE: &str = "pipe:";
const FIFO_EXAMPLE: &str = "fifo:/run/orders";

impl Address {
    /// The length limits of a socket name, checked before the kernel says something less clear.
    fn checked(self) -> Result<Self, (String, &'static str)> {
        let (name, example, what) = match &self {
            Self::Unix(path) => (path.as_os_str().as_encoded_bytes(), UNIX_EXAMPLE, "path"),
            Self::UnixAbstract(name) => (name.as_bytes(), ABSTRACT_EXAMPLE, "name"),
            Self::Fifo(path) => (path.as_os_str().as_encoded_bytes(), FIFO_EXAMPLE, "prefix"),
            Self::Tcp { .. } | Self::Pipe => return Ok(self),
        };
        if name.is_empty() {
            return Err((format!("the {what} is missing"), example));
        }
        if name.contains(&0) {
            return Err((format!("the {what} contains a zero byte"), example));
        }
        if name.len() > MAX_SOCKET_NAME && !matches!(self, Self::Fifo(_)) {
            let problem = format!(
                "the {what} has {} bytes, a socket's can have {MAX_SOCKET_NAME} at most",
                name.len()
            );
            return Err((problem, example));
        }
        Ok(self)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        parse(text).map_err(|(problem, example)| AddressError {
            address: text.to_owned(),
            problem,
            example,
        })
    }
}

fn parse(text: &str) -> Result<Address, (String, &'static str)> {
    if text.starts_with('/') || text.starts_with("./") {
        return Err(("a path needs a scheme before it".into(), UNIX_EXAMPLE));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(("it has no scheme".into(), UNIX_EXAMPLE));
    };
    match scheme {
        "unix" => Address::Unix(without_slashes(rest, UNIX_EXAMPLE)?.into()).checked(),
        "unix-abstract" => Address::UnixAbstract(rest.to_owned()).checked(),
        "fifo" => Address::Fifo(without_slashes(rest, FIFO_EXAMPLE)?.into()).checked(),
        "pipe" if rest.is_empty() => Ok(Address::Pipe),
        "pipe" => Err(("nothing may follow `pipe:`".into(), PIPE_EXAMPLE)),
        "http" => parse_tcp(rest),
        "https" => Err((
            "TLS is not supported; a local link is protected by credentials instead".into(),
            TCP_EXAMPLE,
        )),
        other => Err((
            format!(
                "the scheme `{other}` is unknown; known are unix, unix-abstract, http, pipe, fifo"
            ),
            UNIX_EXAMPLE,
        )),
    }
}

/// `unix:///path` is `unix:/path`, but `unix://host/path` has no meaning.
fn without_slashes<'a>(
    rest: &'a str,
    example: &'static str,
) -> Result<&'a str, (String, &'static str)> {
    match rest.strip_prefix("//") {
        None => Ok(rest),
        Some(path) if path.starts_with('/') => Ok(path),
        Some(_) => Err((
            "after `//` an absolute path must follow, with a third slash".into(),
            example,
        )),
    }
}

fn parse_tcp(rest: &str) -> Result<Address, (String, &'static str)> {
    let wrong = |problem: &str| (problem.to_owned(), TCP_EXAMPLE);
    let authority = rest
        .strip_prefix("//")
        .ok_or_else(|| wrong("`//` must follow `http:`"))?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if authority.contains(['/', '?', '#']) {
        return Err(wrong("only a host and a port may follow `http://`"));
    }
    if authority.contains('@') {
        return Err(wrong("a user name has no use here"));
    }
    let (host, port) = authority
        .rsplit_once(':')
        .ok_or_else(|| wrong("the port is missing"))?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner
            .strip_suffix(']')
            .ok_or_else(|| wrong("the bracket of the IPv6 address is not closed"))?,
        None if host.contains(':') => return Err(wrong("an IPv6 address needs brackets")),
        None => host,
    };
    if host.is_empty() {
        return Err(wrong("the host is missing"));
    }
    let port = port.parse().map_err(|_| {
        (
            format!("`{port}` is not a port from 0 to 65535"),
            TCP_EXAMPLE,
        )
    })?;
    Ok(Address::Tcp {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::UnixAbstract(name) => write!(f, "unix-abstract:{name}"),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "http://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "http://{host}:{port}"),
            Self::Pipe => f.write_str("pipe:"),
            Self::Fifo(prefix) => write!(f, "fifo:{}", prefix.display()),
        }
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(address: std::net::SocketAddr) -> Self {
        Self::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// Checks an address that did not come from text, so that it obeys the same limits.
pub(crate) fn check(address: &Address) -> Result<(), AddressError> {
    address
        .clone()
        .checked()
        .map(drop)
        .map_err(|(problem, example)| AddressError {
            address: address.to_string(),
            problem,
            example,
        })
}

/// An abstract name as tokio and the standard library take it: a path that begins with a zero byte.
pub(crate) fn abstract_path(name: &str) -> PathBuf {
    format!("\0{name}").into()
}

/// `PREFIX` with `.suffix` appended to its last component.
pub(crate) fn with_suffix(prefix: &Path, suffix: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp {
            host: host.into(),
            port,
        }
    }

    #[test]
    fn right_addresses_parse_and_print_as_they_were_written() {
        for (text, address) in [
            ("unix:/run/a.sock", Address::Unix("/run/a.sock".into())),
            (
                "unix:relative/a.sock",
                Address::Unix("relative/a.sock".into()),
            ),
            (
                "unix-abstract:orders",
                Address::UnixAbstract("orders".into()),
            ),
            ("http://orders:50051", tcp("orders", 50051)),
            ("http://127.0.0.1:0", tcp("127.0.0.1", 0)),
            ("http://[::1]:80", tcp("::1", 80)),
            ("pipe:", Address::Pipe),
            ("fifo:/run/orders", Address::Fifo("/run/orders".into())),
        ] {
            assert_eq!(text.parse(), Ok(address));
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        assert_eq!("unix:///run/a".parse(), Ok(Address::Unix("/run/a".into())));
        assert_eq!("http://orders:1/".parse(), Ok(tcp("orders", 1)));
    }

    #[test]
    fn wrong_addresses_say_what_is_wrong_and_show_a_right_one() {
        let long = format!("unix:/{}", "x".repeat(107));
        for (text, problem, example) in [
            ("", "no scheme", UNIX_EXAMPLE),
            ("orders", "no scheme", UNIX_EXAMPLE),
            ("/run/a.sock", "needs a scheme", UNIX_EXAMPLE),
            ("unix:", "path is missing", UNIX_EXAMPLE),
            ("unix:a\0b", "zero byte", UNIX_EXAMPLE),
            ("unix://host/a", "third slash", UNIX_EXAMPLE),
            (long.as_str(), "has 108 bytes", UNIX_EXAMPLE),
            ("unix-abstract:", "name is missing", ABSTRACT_EXAMPLE),
            ("http:orders:1", "`//` must follow", TCP_EXAMPLE),
            ("http://orders", "port is missing", TCP_EXAMPLE),
            ("http://:1", "host is missing", TCP_EXAMPLE),
            ("http://orders:70000", "`70000` is not a port", TCP_EXAMPLE),
            ("http://::1:80", "needs brackets", TCP_EXAMPLE),
            ("http://[::1:80", "not closed", TCP_EXAMPLE),
            (
                "http://orders:1/path",
                "only a host and a port",
                TCP_EXAMPLE,
            ),
            ("http://me@orders:1", "user name", TCP_EXAMPLE),
            ("https://orders:1", "TLS", TCP_EXAMPLE),
            ("pipe:x", "nothing may follow", PIPE_EXAMPLE),
            ("fifo:", "prefix is missing", FIFO_EXAMPLE),
            ("vsock:1:2", "`vsock` is unknown", UNIX_EXAMPLE),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.problem.contains(problem), "{text}: {error}");
            assert_eq!(error.example, example, "{text}");
            assert!(error.example.parse::<Address>().is_ok());
        }
    }

    #[test]
    fn an_address_that_was_not_parsed_obeys_the_same_limits() {
        assert!(check(&Address::Unix("/".repeat(108).into())).is_err());
        assert!(check(&Address::Unix("/run/a".into())).is_ok());
    }
}
