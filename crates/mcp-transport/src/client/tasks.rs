//! Calls that a server makes a task of, followed to their end.

use std::time::Duration;

use mcp_domain::{Error, ErrorKind};
use rmcp::{
    Peer, RoleClient,
    model::{
        CallToolResult, CancelTaskParams, CancelTaskRequest, ClientRequest, ErrorData,
        GetTaskParams, GetTaskRequest, InputRequests, InputResponses, ServerResult, Task,
        TaskPayload, UpdateTaskParams, UpdateTaskRequest,
    },
};
use tokio::time::{Instant, sleep};

use super::{Client, ask::post, call::How, read};
use crate::failure;

/// How long to wait before asking again, if the server proposes nothing.
const PACE: Duration = Duration::from_secs(1);
/// However fast it proposes to be asked.
const FASTEST: Duration = Duration::from_millis(10);
/// However slowly: else a task of a second could cost an hour.
const SLOWEST: Duration = Duration::from_secs(60);

impl Client {
    /// Asks for a task until it is done; gives it what input it wants.
    pub(super) async fn finish_task(
        &self,
        mut task: Task,
        how: &How,
        until: Option<Instant>,
    ) -> Result<ServerResult, Error> {
        let mut unfinished = Unfinished {
            peer: self.peer()?,
            id: Some(task.task_id.clone()),
        };
        loop {
            self.in_time(sleep(pace(&task)), until, how).await?;
            let params = GetTaskParams::new(&task.task_id);
            let request = ClientRequest::GetTaskRequest(GetTaskRequest::new(params));
            let answer = self.ask_once(request.into(), how, until).await?;
            let ServerResult::GetTaskResult(state) = answer else {
                return Err(read::unfit("tasks/get"));
            };
            task = state.task.task;
            match state.task.payload {
                TaskPayload::Working => {}
                TaskPayload::InputRequired { input_requests } => {
                    self.provide_to(&task, input_requests, how, until).await?;
                }
                TaskPayload::Completed { result } => {
                    unfinished.id = None;
                    let result: CallToolResult = serde_json::from_value(result.into())
                        .map_err(|error| read::unfit("tasks/get").with_source(error))?;
                    return Ok(ServerResult::CallToolResult(result));
                }
                TaskPayload::Failed { error } => {
                    unfinished.id = None;
                    let error: ErrorData = serde_json::from_value(error.into())
                        .map_err(|error| read::unfit("tasks/get").with_source(error))?;
                    return Err(failure::of_answer(&error));
                }
                _ => {
                    unfinished.id = None;
                    let why = task
                        .status_message
                        .as_deref()
                        .unwrap_or("it does not say why");
                    let message = format!("the server cancelled the task of the call: {why}");
                    return Err(Error::new(ErrorKind::ToolFailed, message));
                }
            }
        }
    }

    async fn provide_to(
        &self,
        task: &Task,
        wanted: InputRequests,
        how: &How,
        until: Option<Instant>,
    ) -> Result<(), Error> {
        let mut provided = InputResponses::new();
        for (key, request) in wanted {
            let one = self
                .in_time(self.provide_one(request), until, how)
                .await??;
            provided.insert(key, one);
        }
        let params = UpdateTaskParams::new(&task.task_id, provided);
        let request = ClientRequest::UpdateTaskRequest(UpdateTaskRequest::new(params));
        let answer = self.ask_once(request.into(), how, until).await?;
        read::nothing("tasks/update", answer)
    }
}

fn pace(task: &Task) -> Duration {
    let proposed = task.poll_interval_ms.map(Duration::from_millis);
    proposed.unwrap_or(PACE).clamp(FASTEST, SLOWEST)
}

/// A task that is waited for. Dropped while it has an id, it is cancelled at the server.
struct Unfinished<'p> {
    peer: &'p Peer<RoleClient>,
    id: Option<String>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            let request = CancelTaskRequest::new(CancelTaskParams::new(id));
            post(
                self.peer
                    .send_request(ClientRequest::CancelTaskRequest(request)),
            );
        }
    }
}
