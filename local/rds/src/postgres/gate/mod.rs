//! A gate before a server, where IAM lets in: RDS's PostgreSQL asks PAM about members of `rds_iam`, and the builds here have no PAM.
//!
//! It has an address of its own, and the server's name and certificate. Who is a member of `rds_iam` is the server's to say: it
//! lets such a role in by its socket without a password (see `pg_hba.conf`), and then the gate asks for a token. Everybody else
//! speaks with the server itself.

mod token;
mod wire;

use super::{ADMIN, Server};
use anyhow::{Context as _, Result, bail};
use local_aws::network::Lease;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::BTreeMap;
use std::net::{SocketAddrV4, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use token::Door;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use wire::Opening;

/// What IAM knows: secret access keys by their ids.
pub type Keys = BTreeMap<String, String>;

/// IAM, as far as gates ask it.
#[derive(Debug, Default)]
pub struct Iam {
    keys: Keys,
    away: AtomicBool,
}

impl Iam {
    /// Why tokens are refused while IAM can't be asked about them.
    pub const AWAY: &str = "IAM can't be asked";

    /// An IAM that knows these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self {
            keys,
            away: AtomicBool::new(false),
        }
    }

    /// Whether IAM can't be asked from now on.
    pub fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::Relaxed);
    }

    fn check(&self, token: &str, door: &Door<'_>) -> Result<(), String> {
        if self.away.load(Ordering::Relaxed) {
            return Err(Self::AWAY.to_owned());
        }
        token::check(token, door, &self.keys, SystemTime::now())
    }
}

/// A gate that stands until it is dropped.
#[derive(Debug)]
pub struct Gate {
    lease: Lease,
    refusals: Refusals,
    watch: JoinHandle<()>,
}

type Refusals = Arc<Mutex<Vec<String>>>;

/// What each visitor meets.
#[derive(Debug, Clone)]
struct Porter {
    server: Server,
    iam: Arc<Iam>,
    refusals: Refusals,
}

impl Gate {
    /// Opens a gate before a server.
    ///
    /// # Errors
    /// When no address is free.
    pub fn open(server: &Server, iam: Arc<Iam>) -> Result<Self> {
        let lease = server.lease_beside()?;
        let listener = StdListener::bind(lease.address()).context("listening for logins")?;
        listener.set_nonblocking(true)?;
        let refusals = Refusals::default();
        let porter = Porter {
            server: server.clone(),
            iam,
            refusals: refusals.clone(),
        };
        let watch = tokio::spawn(porter.watch(TcpListener::from_std(listener)?));
        Ok(Self {
            lease,
            refusals,
            watch,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.lease.address()
    }

    /// Why tokens were refused, in order. A client hears only that they were.
    #[must_use]
    pub fn refusals(&self) -> Vec<String> {
        self.refusals.lock().clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Porter {
    async fn watch(self, listener: TcpListener) {
        loop {
            let visitor = match listener.accept().await {
                Ok((visitor, _)) => visitor,
                // Such as a process that has too many files open, for now.
                Err(error) => {
                    tracing::warn!(%error, server = self.server.id(), "no connection accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let porter = self.clone();
            tokio::spawn(async move {
                if let Err(ended) = porter.receive(visitor).await {
                    tracing::debug!(server = porter.server.id(), "a login ended: {ended:#}");
                }
            });
        }
    }

    /// A visitor from the first byte to the last. A server that is down lets no client through the gate either.
    async fn receive(&self, visitor: TcpStream) -> Result<()> {
        visitor.set_nodelay(true)?;
        let port = self.server.address().port();
        let socket = self.server.socket().join(format!(".s.PGSQL.{port}"));
        let mut inside = UnixStream::connect(socket).await?;
        let Some(mut visitor) = self.secure(visitor, &mut inside).await? else {
            return Ok(());
        };
        let startup = wire::startup(&mut visitor).await?;
        inside.write_all(&startup).await?;
        if wire::opening(&startup) == Opening::Cancel {
            return Ok(());
        }
        let mut answer = wire::message(&mut inside).await?;
        while wire::is_prelude(&answer) {
            visitor.write_all(&answer).await?;
            answer = wire::message(&mut inside).await?;
        }
        if wire::is_welcome(&answer) {
            let user = wire::user(&startup).context("a login without a user")?;
            if let Err(why) = self.ask(&mut visitor, &user).await? {
                self.refusals.lock().push(why);
                let refused = format!("PAM authentication failed for user \"{user}\"");
                visitor.write_all(&wire::refusal(&refused)).await?;
                return Ok(visitor.shutdown().await?);
            }
        }
        visitor.write_all(&answer).await?;
        copy_bidirectional(&mut visitor, &mut inside).await?;
        Ok(())
    }

    /// TLS, as the server would speak it; nothing once a request to cancel was passed on.
    async fn secure(
        &self,
        mut visitor: TcpStream,
        inside: &mut UnixStream,
    ) -> Result<Option<TlsStream<TcpStream>>> {
        loop {
            let first = wire::startup(&mut visitor).await?;
            match wire::opening(&first) {
                Opening::Tls => break visitor.write_all(b"S").await?,
                Opening::Gss => visitor.write_all(b"N").await?,
                Opening::Cancel => {
                    inside.write_all(&first).await?;
                    return Ok(None);
                }
                Opening::Session => {
                    let refusal = wire::refusal("pg_hba.conf rejects connection, no encryption");
                    visitor.write_all(&refusal).await?;
                    bail!("a login without TLS");
                }
            }
        }
        let acceptor = TlsAcceptor::from(Arc::new(self.certificate().await?));
        Ok(Some(acceptor.accept(visitor).await?))
    }

    /// The certificate that the server has now: a rename changes it.
    async fn certificate(&self) -> Result<rustls::ServerConfig> {
        let data = self.server.data();
        let certificate = tokio::fs::read(data.join("server.crt")).await?;
        let key = tokio::fs::read(data.join("server.key")).await?;
        let chain = vec![CertificateDer::from_pem_slice(&certificate)?];
        let key = PrivateKeyDer::from_pem_slice(&key)?;
        let config = rustls::ServerConfig::builder().with_no_client_auth();
        Ok(config.with_single_cert(chain, key)?)
    }

    /// Asks for a token; why it is none, otherwise.
    async fn ask(
        &self,
        visitor: &mut TlsStream<TcpStream>,
        user: &str,
    ) -> Result<Result<(), String>> {
        visitor.write_all(&wire::ask_for_password()).await?;
        let answer = wire::message(visitor).await?;
        let token = wire::password(&answer).context("no password")?;
        if user == ADMIN {
            return Ok(Err(format!("{ADMIN} comes by the socket only")));
        }
        let door = Door {
            hosts: &self.server.names(),
            port: self.server.address().port(),
            user,
        };
        Ok(self.iam.check(&token, &door))
    }
}
