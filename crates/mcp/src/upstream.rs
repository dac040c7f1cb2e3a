//! An MCP server that is a program of its own, spoken to over its standard input and output, and
//! passed on to others.
//!
//! All callers share the one program. What it offers and answers is passed on; what it would ask or
//! tell its caller by itself (samplings, elicitations, notifications) is not, since it could not say
//! whom it means. Give it tools that keep nothing for one caller.

use std::{sync::Arc, time::Duration};

use aep2_payee::Paid;
use rmcp::{
    ErrorData, RoleClient, RoleServer, ServerHandler, ServiceError, ServiceExt,
    model::*,
    service::{ClientInitializeError, Peer, QuitReason, RequestContext, RunningService},
    transport::TokioChildProcess,
};
use thiserror::Error;
use tokio::process::Command;

/// The key in a result's `_meta` under which a metered tool says what the call came to: base units,
/// as a decimal string. More than the ceiling counts as the ceiling; what is no such string counts as zero.
pub const CHARGE: &str = "aep2/charge";

/// Why the program cannot be used.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// It does not start.
    #[error("the MCP server does not start: {0}")]
    Start(#[from] std::io::Error),
    /// It does not speak the protocol.
    #[error("the MCP server does not answer as one: {0}")]
    Handshake(#[from] Box<ClientInitializeError>),
    /// It does not begin.
    #[error(
        "the MCP server did not answer `initialize` within {} s: is it a server on standard input and \
         output, and does it need longer (`start_within_s`)?",
        .0.as_secs()
    )]
    Late(Duration),
    /// It says nothing.
    #[error("the MCP server says nothing about itself")]
    Silent,
    /// It does not name its tools.
    #[error("the MCP server does not name its tools: {0}")]
    Tools(#[source] ErrorData),
}

/// A program that is an MCP server. Cheap to clone; clones speak to the one program.
#[derive(Clone, Debug)]
pub struct Upstream {
    peer: Peer<RoleClient>,
    info: ServerConfig,
    tools: Arc<[String]>,
    answer_within: Duration,
}

/// The program while it runs. Dropped, it ends.
#[derive(Debug)]
pub struct Running(RunningService<RoleClient, ()>);

impl Running {
    /// Returns when the program has ended.
    pub async fn ended(self) {
        match self.0.waiting().await {
            Ok(QuitReason::Closed | QuitReason::Cancelled) => {}
            other => tracing::error!(?other, "the MCP server broke off"),
        }
    }
}

impl Upstream {
    /// Starts the program, and waits at most `start_within` for it to begin, and `answer_within` for each of
    /// its answers. Its standard error is this program's.
    ///
    /// # Errors
    /// When it does not start, or is no MCP server.
    pub async fn start(
        command: Command,
        start_within: Duration,
        answer_within: Duration,
    ) -> Result<(Self, Running), UpstreamError> {
        let transport = TokioChildProcess::new(command)?;
        let greeted = tokio::time::timeout(start_within, ().serve(transport)).await;
        let running = greeted.map_err(|_| UpstreamError::Late(start_within))?.map_err(Box::new)?;
        let told = running.peer_info().ok_or(UpstreamError::Silent)?;
        let offered = &told.capabilities;
        let mut capabilities = ServerCapabilities::default();
        capabilities.completions = offered.completions.clone();
        capabilities.tools = offered.tools.as_ref().map(|_| Default::default());
        capabilities.prompts = offered.prompts.as_ref().map(|_| Default::default());
        capabilities.resources = offered.resources.as_ref().map(|_| Default::default());
        let mut info = ServerConfig::new(capabilities);
        info.instructions = told.instructions.clone();
        if let Some(server) = &told.server_info {
            info.server_info = server.clone();
        }
        let tools = Arc::default();
        let mut upstream = Self { peer: running.peer().clone(), info, tools, answer_within };
        if told.capabilities.tools.is_some() {
            let tools = upstream.answer(upstream.peer.list_all_tools()).await;
            let tools = tools.map_err(UpstreamError::Tools)?;
            upstream.tools = tools.into_iter().map(|tool| tool.name.into_owned()).collect();
        }
        Ok((upstream, Running(running)))
    }

    /// The names of the tools that it had when it was started.
    pub fn tools(&self) -> &[String] {
        &self.tools
    }

    async fn answer<T>(
        &self,
        asked: impl Future<Output = Result<T, ServiceError>>,
    ) -> Result<T, ErrorData> {
        match tokio::time::timeout(self.answer_within, asked).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(ServiceError::McpError(error))) => Err(error),
            Ok(Err(error)) => Err(ErrorData::internal_error(error.to_string(), None)),
            Err(_) => Err(ErrorData::internal_error(
                format!("no answer within {} s", self.answer_within.as_secs()),
                None,
            )),
        }
    }
}

/// Tells the seller what the call came to, where the tool says it.
fn meter(result: &CallToolResult, paid: &Paid) {
    if let Some(said) = result.meta.as_ref().and_then(|meta| meta.0.get(CHARGE)) {
        paid.charge_as_said(said.as_str());
    }
}

type Context = RequestContext<RoleServer>;
type Answer<T> = Result<T, ErrorData>;

impl ServerHandler for Upstream {
    fn get_info(&self) -> ServerConfig {
        self.info.clone()
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: Context,
    ) -> Answer<CallToolResponse> {
        // A name that the program alone would take for one of these could go past its price.
        if !self.tools.iter().any(|name| *name == call.name) {
            let words = format!("there is no tool {:?}", call.name);
            return Err(ErrorData::invalid_params(words, None));
        }
        // What the caller said about itself is between it and this server.
        let mut passed = CallToolRequestParams::new(call.name);
        passed.arguments = call.arguments;
        let response = self.answer(self.peer.call_tool_once(passed)).await?;
        if let (CallToolResponse::Complete(result), Some(paid)) =
            (&response, context.extensions.get::<Paid>())
        {
            meter(result, paid);
        }
        Ok(response)
    }

    async fn list_tools(
        &self,
        page: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Answer<ListToolsResult> {
        self.answer(self.peer.list_tools(cursor(page))).await
    }

    async fn list_prompts(
        &self,
        page: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Answer<ListPromptsResult> {
        self.answer(self.peer.list_prompts(cursor(page))).await
    }

    async fn get_prompt(
        &self,
        mut asked: GetPromptRequestParams,
        _: Context,
    ) -> Answer<GetPromptResponse> {
        asked.meta = None;
        self.answer(self.peer.get_prompt_once(asked)).await
    }

    async fn list_resources(
        &self,
        page: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Answer<ListResourcesResult> {
        self.answer(self.peer.list_resources(cursor(page))).await
    }

    async fn list_resource_templates(
        &self,
        page: Option<PaginatedRequestParams>,
        _: Context,
    ) -> Answer<ListResourceTemplatesResult> {
        self.answer(self.peer.list_resource_templates(cursor(page))).await
    }

    async fn read_resource(
        &self,
        mut asked: ReadResourceRequestParams,
        _: Context,
    ) -> Answer<ReadResourceResponse> {
        asked.meta = None;
        self.answer(self.peer.read_resource_once(asked)).await
    }

    async fn complete(
        &self,
        mut asked: CompleteRequestParams,
        _: Context,
    ) -> Answer<CompleteResult> {
        asked.meta = None;
        self.answer(self.peer.complete(asked)).await
    }
}

/// The page that is asked for, and nothing else.
fn cursor(page: Option<PaginatedRequestParams>) -> Option<PaginatedRequestParams> {
    page.map(|page| PaginatedRequestParams::default().with_cursor(page.cursor))
}
