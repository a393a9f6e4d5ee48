//! The limit: so many bytes there and so many back, over the same kind of pipe or
//! socket, to somebody who does nothing else.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use mcp_domain::{Error, ErrorKind};
use tokio::{
    io::{
        AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
        BufReader,
    },
    net::TcpStream,
    process::{Child, Command},
};

use crate::servers::Transport;

/// The sizes of a question and its answer, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) question: usize,
    pub(crate) answer: usize,
}

impl Sizes {
    fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&(self.question as u64).to_le_bytes());
        bytes[8..].copy_from_slice(&(self.answer as u64).to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; 16]) -> Self {
        let (question, answer) = bytes.split_at(8);
        let number = |bytes: &[u8]| {
            bytes
                .iter()
                .rev()
                .fold(0, |n, byte| n << 8 | usize::from(*byte))
        };
        Self {
            question: number(question),
            answer: number(answer),
        }
    }
}

/// An open channel to an echo.
pub(crate) struct Echo {
    input: Box<dyn AsyncWrite + Send + Unpin>,
    output: Box<dyn AsyncRead + Send + Unpin>,
    question: Vec<u8>,
    answer: Vec<u8>,
    process: Option<Child>,
}

impl Echo {
    pub(crate) async fn open(transport: Transport, sizes: Sizes) -> Result<Self, Error> {
        let (input, output, process): (
            Box<dyn AsyncWrite + Send + Unpin>,
            Box<dyn AsyncRead + Send + Unpin>,
            _,
        ) = match transport {
            Transport::Stdio => {
                let mut process = start(&[])?;
                let (input, output) = pipes(&mut process)?;
                (Box::new(input), Box::new(output), Some(process))
            }
            Transport::Http => {
                let mut process = start(&["--tcp"])?;
                let (_, output) = pipes(&mut process)?;
                let mut address = String::new();
                let read = BufReader::new(output).read_line(&mut address).await;
                read.map_err(broken)?;
                let stream = TcpStream::connect(address.trim()).await.map_err(broken)?;
                stream.set_nodelay(true).map_err(broken)?;
                let (output, input) = stream.into_split();
                (Box::new(input), Box::new(output), Some(process))
            }
            Transport::InProcess => {
                let (ours, theirs) = tokio::io::duplex(64 * 1024);
                tokio::spawn(echo_stream(theirs));
                let (output, input) = tokio::io::split(ours);
                (Box::new(input), Box::new(output), None)
            }
        };
        let mut echo = Self {
            input,
            output,
            question: vec![0; sizes.question],
            answer: vec![0; sizes.answer],
            process,
        };
        echo.input
            .write_all(&sizes.to_bytes())
            .await
            .map_err(broken)?;
        Ok(echo)
    }

    /// Sends a question, and takes its answer.
    pub(crate) async fn exchange(&mut self) -> Result<(), Error> {
        // The answer repeats the mark, so that it is known to be this question's.
        let mark = self.question[0].wrapping_add(1);
        self.question[0] = mark;
        self.input.write_all(&self.question).await.map_err(broken)?;
        self.input.flush().await.map_err(broken)?;
        self.output
            .read_exact(&mut self.answer)
            .await
            .map_err(broken)?;
        if self.answer[0] == mark {
            Ok(())
        } else {
            Err(crate::work::wrong("echo"))
        }
    }

    /// Ends the process, if there is one.
    pub(crate) async fn close(self) -> Result<(), Error> {
        let Self {
            input,
            output,
            process,
            ..
        } = self;
        drop((input, output));
        if let Some(mut process) = process {
            process.kill().await.map_err(broken)?;
        }
        Ok(())
    }
}

fn start(args: &[&str]) -> Result<Child, Error> {
    let this = std::env::current_exe().map_err(broken)?;
    Command::new(this)
        .arg("echo")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(broken)
}

fn pipes(
    process: &mut Child,
) -> Result<(tokio::process::ChildStdin, tokio::process::ChildStdout), Error> {
    process
        .stdin
        .take()
        .zip(process.stdout.take())
        .ok_or_else(|| broken(std::io::Error::other("its pipes are missing")))
}

async fn echo_stream(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut sizes = [0; 16];
    if stream.read_exact(&mut sizes).await.is_err() {
        return;
    }
    let sizes = Sizes::from_bytes(sizes);
    let mut question = vec![0; sizes.question];
    let mut answer = vec![0; sizes.answer];
    while stream.read_exact(&mut question).await.is_ok() {
        answer[0] = question[0];
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The arguments of the process that echoes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[arg(long)]
    tcp: bool,
}

/// The process that echoes: plain blocking reads and writes, for nothing is faster.
pub(crate) fn serve(args: &Args) -> Result<(), Error> {
    let mut output = std::io::stdout();
    if args.tcp {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        writeln!(output, "{address}").map_err(broken)?;
        let (stream, _) = listener.accept().map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        echo(&stream, &stream);
    } else {
        echo(std::io::stdin().lock(), output.lock());
    }
    Ok(())
}

/// Until the other side closes.
fn echo(mut input: impl Read, mut output: impl Write) {
    let mut sizes = [0; 16];
    if input.read_exact(&mut sizes).is_err() {
        return;
    }
    let sizes = Sizes::from_bytes(sizes);
    let mut question = vec![0; sizes.question];
    let mut answer = vec![0; sizes.answer];
    while input.read_exact(&mut question).is_ok() {
        answer[0] = question[0];
        let sent = output.write_all(&answer).and_then(|()| output.flush());
        if sent.is_err() {
            return;
        }
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disconnected, "the echo failed").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_the_journey() {
        let sizes = Sizes {
            question: 300,
            answer: 70_000,
        };
        assert_eq!(Sizes::from_bytes(sizes.to_bytes()), sizes);
    }

    #[tokio::test]
    async fn an_answer_has_the_size_that_was_asked_for() {
        let sizes = Sizes {
            question: 10,
            answer: 200_000,
        };
        let mut echo = Echo::open(Transport::InProcess, sizes).await.unwrap();
        for _ in 0..3 {
            echo.exchange().await.unwrap();
        }
        echo.close().await.unwrap();
    }
}
