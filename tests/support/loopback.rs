//! An HTTP server on a loopback port of its own, in a thread and a runtime of its own: what the fakes of remote services
//! stand on, as the engine has to reach them while a test waits for a build.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

pub(crate) type Request = hyper::Request<Bytes>;
pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// What becomes of a request.
pub(crate) enum Answer {
    Response(Response),
    /// The connection is closed without a word.
    HangUp,
}

/// A server that ends, with all its connections, when it is dropped.
pub(crate) struct Loopback {
    address: SocketAddr,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Serves on a free port. `answer` is told the address that the clients see.
    pub(crate) fn serve<F>(answer: impl Fn(SocketAddr, Request) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(move |request| answer(address, request));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    _ = stopped => {}
                    () = accept(listener, answer) => {}
                }
            });
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept<F>(listener: tokio::net::TcpListener, answer: Arc<impl Fn(Request) -> F + Send + Sync + 'static>)
where
    F: Future<Output = Answer> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let answer = Arc::clone(&answer);
        let service = service_fn(move |request| respond(request, Arc::clone(&answer)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond<F>(
    request: hyper::Request<Incoming>,
    answer: Arc<impl Fn(Request) -> F>,
) -> Result<Response, std::io::Error>
where
    F: Future<Output = Answer>,
{
    match answer(collected(request).await.map_err(std::io::Error::other)?).await {
        Answer::Response(response) => Ok(response),
        Answer::HangUp => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn collected(request: hyper::Request<Incoming>) -> hyper::Result<Request> {
    let (head, body) = request.into_parts();
    Ok(Request::from_parts(head, body.collect().await?.to_bytes()))
}

/// Hands a request to another server, on a connection of its own.
pub(crate) async fn forward(request: Request, server: &str) -> Response {
    let stream = TcpStream::connect(server).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request.map(Full::new)).await.unwrap().into_parts();
    Response::from_parts(head, Full::new(body.collect().await.unwrap().to_bytes()))
}

/// The same from outside of any runtime, with the whole answer.
pub(crate) fn send(request: Request, server: &str) -> hyper::Response<Bytes> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (head, body) = runtime.block_on(forward(request, server)).into_parts();
    hyper::Response::from_parts(head, runtime.block_on(body.collect()).unwrap().to_bytes())
}
