//! Connections of an HTTP server: so many at a time, and none that only sits there.

use std::{convert::Infallible, io, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};

use super::Response;

/// The most connections at a time; the next ones wait to be taken.
pub(super) const MOST: usize = 1000;

/// How long a client may take until it has sent the head of a request, from the end of
/// the one before.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long clients may take to read their last answers.
const FAREWELL: Duration = Duration::from_secs(10);

/// How long to wait where a connection cannot be taken, for instance because this
/// process has too many files open.
const RESPITE: Duration = Duration::from_millis(200);

/// Answers requests until `shutdown` completes and those that came before are answered, or
/// their answers are not taken for too long.
///
/// # Errors
///
/// If the listener is none.
pub(super) async fn serve<A, F>(
    listener: TcpListener,
    answer: A,
    most: usize,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(most));
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection could not be taken");
                sleep(RESPITE).await;
                continue;
            }
        };
        // An answer travels in pieces; the second must not wait until the peer has
        // acknowledged the first, which peers put off for 40 ms.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let answer = answer(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(FAREWELL, connections.shutdown()).await.is_err() {
        tracing::debug!("some clients did not take their answers");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use hyper::StatusCode;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::oneshot,
    };

    use super::{super::told, *};

    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

    async fn well(_: Request<Incoming>) -> Response {
        told(StatusCode::OK, "well")
    }

    /// A server with room for so many connections; asks for one of them.
    async fn server(most: usize) -> impl AsyncFn() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, well, most, pending()));
        async move || TcpStream::connect(address).await.unwrap()
    }

    async fn is_answered(stream: &mut TcpStream) {
        stream.write_all(ASK).await.unwrap();
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_go_on_is_shown_the_door() {
        let connect = server(1).await;
        for beginning in ["", "GET / HTTP/1.1\r\nhost: loc"] {
            let mut stream = connect().await;
            stream.write_all(beginning.as_bytes()).await.unwrap();
            let start = tokio::time::Instant::now();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
            assert!(start.elapsed() >= PATIENCE, "{beginning}");
        }
    }

    #[tokio::test]
    async fn the_next_one_has_its_turn_when_another_has_gone() {
        let connect = server(1).await;
        let mut first = connect().await;
        is_answered(&mut first).await;
        let mut second = connect().await;
        second.write_all(ASK).await.unwrap();
        let mut answer = [0; 15];
        let waiting = second.read_exact(&mut answer);
        timeout(Duration::from_millis(100), waiting)
            .await
            .unwrap_err();
        drop(first);
        second.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
    }

    #[tokio::test]
    async fn the_end_waits_for_answers_and_not_for_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, well, 9, async { drop(ended.await) }));
        let mut stream = TcpStream::connect(address).await.unwrap();
        is_answered(&mut stream).await;
        end.send(()).unwrap();
        serving.await.unwrap().unwrap();
        TcpStream::connect(address).await.unwrap_err();
    }
}
