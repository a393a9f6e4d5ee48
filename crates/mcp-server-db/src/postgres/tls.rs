//! TLS on the way to the database, by the words of `sslmode`, as libpq means them.
//!
//! The driver knows but three of those words, and has the stream encrypted above of
//! what watches it ([`Bounded`](super::bounded::Bounded)). So the database is asked for
//! TLS here, and the driver is given a stream on which that is settled.

mod options;
mod verifier;

use std::{io, sync::Arc};

use mcp_domain::{Error, ErrorKind};
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::{
    options::{Identity, Mode, Roots, Wanted},
    verifier::Verifier,
};

/// What asks a PostgreSQL server for TLS: the length of the message, and a code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// How the way to the database is to be protected.
#[derive(Clone)]
pub(super) struct Tls {
    mode: Mode,
    connector: Option<TlsConnector>,
}

/// What came of asking for TLS.
pub(super) enum Asked {
    /// It is there.
    Protected(Box<TlsStream<TcpStream>>),
    /// The server has none, and that will do.
    InClear(TcpStream),
    /// It failed, and another connection in clear will do.
    Failed(io::Error),
}

impl Tls {
    /// Takes what an address says of TLS, and gives the rest of the address.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it says what there is not here, or what makes no sense; or if
    /// the certificates that it names cannot be read.
    pub(super) fn of_address(address: &str) -> Result<(String, Self), Error> {
        let (address, wanted) = options::split(address)?;
        let mode = wanted.mode;
        let connector = match mode {
            Mode::Disable => None,
            _ => Some(TlsConnector::from(Arc::new(config(&wanted)?))),
        };
        Ok((address, Self { mode, connector }))
    }

    /// Asks the server for TLS, if it is wanted.
    ///
    /// # Errors
    ///
    /// If there is no TLS to be had and it has to be, or it cannot be trusted.
    pub(super) async fn ask(&self, mut socket: TcpStream, host: &str) -> io::Result<Asked> {
        let Some(connector) = &self.connector else {
            return Ok(Asked::InClear(socket));
        };
        socket.write_all(&SSL_REQUEST).await?;
        if socket.read_u8().await? != b'S' {
            return match self.mode {
                Mode::Prefer => Ok(Asked::InClear(socket)),
                mode => Err(io::Error::other(format!(
                    "the database has no TLS, which sslmode={mode} asks for"
                ))),
            };
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        match connector.connect(name, socket).await {
            Ok(stream) => Ok(Asked::Protected(Box::new(stream))),
            Err(error) if self.mode == Mode::Prefer => Ok(Asked::Failed(error)),
            Err(error) => Err(io::Error::other(format!("TLS: {error}"))),
        }
    }
}

fn config(wanted: &Wanted) -> Result<ClientConfig, Error> {
    let Wanted {
        mode,
        roots,
        identity,
    } = wanted;
    let provider = Arc::new(ring::default_provider());
    let cannot = |error: rustls::Error| {
        Error::new(ErrorKind::Unsupported, "TLS cannot be set up").with_source(error)
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(cannot)?;
    let builder = match mode {
        Mode::VerifyFull => builder.with_webpki_verifier(checks(roots, &provider)?),
        _ => {
            let checks = match mode {
                Mode::VerifyCa => Some(checks(roots, &provider)?),
                _ => None,
            };
            let verifier = Arc::new(Verifier::new(checks, &provider));
            builder
                .dangerous()
                .with_custom_certificate_verifier(verifier)
        }
    };
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let (chain, key) = shown(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                let Identity { certificate, key } = identity;
                let message =
                    format!("the key in `{key}` is none for the certificate in `{certificate}`");
                Error::new(ErrorKind::InvalidInput, message).with_source(error)
            })?
        }
    };
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// What the client shows: its certificates, its own first, and the key.
fn shown(
    identity: &Identity,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let chain = certificates(&identity.certificate, "sslcert")?;
    let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(|error| {
        let message = format!("cannot read the key in `{}`, which is sslkey", identity.key);
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    Ok((chain, key))
}

/// Checks by certificates that are trusted.
fn checks(
    roots: &Roots,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let (store, place) = match roots {
        Roots::System => (system(), "this system".to_owned()),
        Roots::File(path) => (read(path)?, format!("`{path}`")),
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(store.into(), Arc::clone(provider));
    verifier.build().map_err(|error| {
        let message = format!("there are no trusted certificates in {place}");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}

fn system() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in found.errors {
        tracing::warn!(%error, "some of the system's certificates cannot be read");
    }
    store.add_parsable_certificates(found.certs);
    store
}

fn read(path: &str) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(certificates(path, "sslrootcert")?);
    Ok(store)
}

fn certificates(path: &str, option: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
    found.map_err(|error| {
        let message = format!("cannot read the certificates in `{path}`, which is {option}");
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}
