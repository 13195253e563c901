//! A node behind TLS that wants to see a certificate, as a BuildKit on a network does.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;

use super::repository;
use super::support::Repository;

const NAME: &str = "buildkit.internal";

/// A certificate with its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

/// The engine's BuildKit behind TLS, until the tests end.
struct GuardedNode {
    address: SocketAddr,
    authority: String,
    /// Of one who may come in.
    client: Identity,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn identity(authority: &CertifiedIssuer<'_, KeyPair>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["client".to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    Identity { certificate: certificate.pem(), key: key.serialize_pem() }
}

impl GuardedNode {
    fn start() -> Self {
        let authority = authority();
        let acceptor = TlsAcceptor::from(Arc::new(server_config(&authority)));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve(listener, acceptor));
        });
        Self { address, authority: authority.pem(), client: identity(&authority) }
    }
}

fn server_config(authority: &CertifiedIssuer<'_, KeyPair>) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider)).build().unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([NAME.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_client_cert_verifier(verifier);
    let mut config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    // gRPC takes nothing else.
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor) {
    let listener = TcpListener::from_std(listener).unwrap();
    let config = tempfile::tempdir().unwrap();
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        tokio::spawn(dial(acceptor.clone(), connection, config.path().to_owned()));
    }
}

async fn dial(acceptor: TlsAcceptor, connection: TcpStream, config: PathBuf) {
    // Who has no certificate goes no further.
    let Ok(mut connection) = acceptor.accept(connection).await else { return };
    let mut command = Command::new("docker");
    command.args(["buildx", "--builder", "default", "dial-stdio"]).env("BUILDX_CONFIG", &config);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut engine = tokio::io::join(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let _ = tokio::io::copy_bidirectional(&mut connection, &mut engine).await;
}

/// A repository whose only node is this one, for one who shows this certificate.
fn configured(node: &GuardedNode, authority: &str, client: &Identity) -> Repository {
    let repository = repository();
    repository.write("tls/ca.pem", authority);
    repository.write("tls/cert.pem", &client.certificate);
    repository.write("tls/key.pem", &client.key);
    let options = format!("cacert: tls/ca.pem, cert: tls/cert.pem, key: tls/key.pem, servername: {NAME}");
    let node =
        format!("name: guarded, driver: remote, endpoint: 'tcp://{}', driver_opts: {{ {options} }}", node.address);
    repository.write(
        "weighbridge.yml",
        format!("builder: {{ nodes: [{{ {node} }}] }}\nimages: {{ app: {{ context: app }} }}\n"),
    );
    repository.write("app/Dockerfile", "FROM scratch\nCOPY text /text\n");
    repository.write("app/text", "words ".repeat(1_000));
    repository.commit("base");
    repository
}

#[test]
fn a_node_behind_tls_builds_for_who_shows_a_certificate() {
    let node = GuardedNode::start();
    let repository = configured(&node, &node.authority, &node.client);
    repository.weighbridge(&["run"]).expect(0);
    let cell = &repository.report()["cells"][0];
    assert_eq!((cell["node"].as_str(), cell["outcome"].as_str()), (Some("guarded"), Some("built")));
}

#[test]
fn who_shows_no_certificate_of_theirs_is_told_where_to_look() {
    let node = GuardedNode::start();
    let repository = configured(&node, &node.authority, &identity(&authority()));
    repository.weighbridge(&["run"]).expect(3).says("guarded: nothing usable answered at tcp://");
}
