//! A server with TLS under a name of its own, for which an authority vouches that no system knows.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const ANSWER: &str = "HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: 23\r\nconnection: close\r\n\r\n{\"message\":\"Not Found\"}";

/// It answers every request with 404, and ends with the tests.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    /// The certificate of the authority, in PEM.
    pub(crate) authority: String,
    requests: Receiver<String>,
}

impl TlsServer {
    pub(crate) fn start(name: &str) -> Self {
        let mut of_authority = CertificateParams::default();
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(of_authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let of_server = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = of_server.signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (told, requests) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that does not trust us hangs up; the next one may.
                drop(serve(&config, stream.unwrap(), &told));
            }
        });
        Self { port, authority: authority.pem(), requests }
    }

    /// The first line and the host of each request that came through.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }
}

fn serve(config: &Arc<ServerConfig>, stream: TcpStream, told: &Sender<String>) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let (mut head, mut line) = (Vec::new(), String::new());
    while stream.read_line(&mut line)? > 2 {
        head.push(std::mem::take(&mut line));
    }
    let host = head.iter().find(|line| line.starts_with("host: ")).map_or("", |line| line.trim());
    let _ = told.send(format!("{} {host}", head[0].trim()));
    let stream = stream.get_mut();
    stream.write_all(ANSWER.as_bytes())?;
    stream.conn.send_close_notify();
    stream.flush()
}
