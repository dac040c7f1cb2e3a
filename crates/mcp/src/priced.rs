//! An MCP server whose tools have prices.
//!
//! Everything but calls of priced tools is passed on as it came. A call of a priced tool is sold by
//! the same payee as a request over HTTP: with the same terms, the same checks and the same memory.

use std::{borrow::Cow, future::Future, sync::Arc};

use aep2_payee::{OrderRequest, Paid, Payee, Quote, Refusal};
use aep2_x402::mcp::{self, ServerName};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::*,
    service::{MaybeSendFuture, NotificationContext, RequestContext, SubscriptionContext},
};

use crate::sale::{self, ToolResponse};

/// The key in a priced tool's `_meta` under which the schema of its paid results is.
pub const OUTPUT_SCHEMA: &str = "aep2/outputSchema";

/// What a call costs; nothing where it is free. Asked again when the call comes back with its
/// payment, and must say the same.
type ToolPrice = dyn Fn(&CallToolRequestParams) -> Option<Quote> + Send + Sync;

/// An MCP server with prices on its tools. Cheap to clone; clones sell from one memory.
///
/// A tool finds its payment as [`Paid`] among the extensions of its context, and says there what the
/// call came to. A tool that fails, by an error of either kind or by a panic, is charged nothing
/// unless it said otherwise. What a tool with a price answers must be complete: tasks and requests
/// for more input count as failures.
pub struct Priced<S> {
    server: Arc<S>,
    payee: Payee,
    name: ServerName,
    price: Arc<ToolPrice>,
}

impl<S> Clone for Priced<S> {
    fn clone(&self) -> Self {
        let Self { server, payee, name, price } = self;
        let (server, payee) = (server.clone(), payee.clone());
        Self { server, payee, name: name.clone(), price: price.clone() }
    }
}

impl<S> std::fmt::Debug for Priced<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Priced").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S: ServerHandler> Priced<S> {
    /// Puts `price` on the tools of `server`, which its callers know as `name`. Two servers of one
    /// payee must not have one name: what one was paid for, the other would serve too.
    pub fn new(
        server: S,
        name: ServerName,
        payee: Payee,
        price: impl Fn(&CallToolRequestParams) -> Option<Quote> + Send + Sync + 'static,
    ) -> Self {
        Self { server: Arc::new(server), payee, name, price: Arc::new(price) }
    }

    /// Takes the schema of its results off a tool that has a price, and keeps it in `_meta` for whoever wants it.
    /// A result that asks for a payment has the terms in its `structuredContent`, which is not that schema's; MCP's
    /// own TypeScript client refuses such results, and never shows the terms to whoever could pay.
    fn open_schema(&self, tool: &mut Tool) {
        if (self.price)(&CallToolRequestParams::new(tool.name.clone())).is_none() {
            return;
        }
        if let Some(schema) = tool.output_schema.take() {
            let schema = serde_json::Value::Object((*schema).clone());
            tool.meta.get_or_insert_default().0.insert(OUTPUT_SCHEMA.to_owned(), schema);
        }
    }

    async fn sell(
        &self,
        quote: Quote,
        mut call: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        let tool = call.name.clone();
        let resource = match mcp::tool_resource(&self.name, &tool, call.arguments.as_ref()) {
            Ok(resource) => resource,
            Err(error) => return Ok(sale::failure(&error.to_string())),
        };
        let payment = match sale::take_payment(&mut context.meta.0.0) {
            // Where the call was not read from a wire.
            Err(Refusal::PaymentRequired) => match &mut call.meta {
                Some(meta) => sale::take_payment(&mut meta.0.0),
                None => Err(Refusal::PaymentRequired),
            },
            found => found,
        };
        let order = OrderRequest { method: mcp::METHOD.to_owned(), resource, quote };
        let server = self.server.clone();
        let make = move |paid: Paid| async move {
            context.extensions.insert(paid);
            ToolResponse(server.call_tool(call, context).await)
        };
        match self.payee.sell(order, payment, make).await {
            Ok(bytes) => sale::read_result(&bytes),
            Err(not_sold) => sale::unpaid(*not_sold, &tool),
        }
    }
}

/// Passes requests and notifications on as they came.
macro_rules! passed_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        fn $name(
            &self,
            $($arg: $type),*
        ) -> impl Future<Output = $answer> + MaybeSendFuture + '_ {
            (*self.server).$name($($arg),*)
        }
    )*};
}

type Context = RequestContext<RoleServer>;
type Told = NotificationContext<RoleServer>;
type Answer<T> = Result<T, ErrorData>;

#[allow(deprecated)] // What older clients ask is passed on too.
impl<S: ServerHandler> ServerHandler for Priced<S> {
    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: Context,
    ) -> Answer<CallToolResponse> {
        match (self.price)(&call) {
            Some(quote) => self.sell(quote, call, context).await.map(CallToolResponse::Complete),
            None => self.server.call_tool(call, context).await,
        }
    }

    fn get_info(&self) -> ServerConfig {
        self.server.get_info()
    }

    async fn list_tools(
        &self,
        asked: Option<PaginatedRequestParams>,
        context: Context,
    ) -> Answer<ListToolsResult> {
        let mut listed = self.server.list_tools(asked, context).await?;
        for tool in &mut listed.tools {
            self.open_schema(tool);
        }
        Ok(listed)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let mut tool = self.server.get_tool(name)?;
        self.open_schema(&mut tool);
        Some(tool)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.server.supported_protocol_versions()
    }

    fn negotiate_initialize(&self, asked: &InitializeRequestParams) -> Answer<InitializeResult> {
        self.server.negotiate_initialize(asked)
    }

    fn accepted_subscription_filter(
        &self,
        asked: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        self.server.accepted_subscription_filter(asked)
    }

    passed_on! {
        ping(context: Context) -> Answer<()>;
        initialize(asked: InitializeRequestParams, context: Context) -> Answer<InitializeResult>;
        discover(context: Context) -> Answer<DiscoverResult>;
        complete(asked: CompleteRequestParams, context: Context) -> Answer<CompleteResult>;
        set_level(asked: SetLevelRequestParams, context: Context) -> Answer<()>;
        list_prompts(asked: Option<PaginatedRequestParams>, context: Context) -> Answer<ListPromptsResult>;
        get_prompt(asked: GetPromptRequestParams, context: Context) -> Answer<GetPromptResponse>;
        list_resources(asked: Option<PaginatedRequestParams>, context: Context) -> Answer<ListResourcesResult>;
        list_resource_templates(asked: Option<PaginatedRequestParams>, context: Context) -> Answer<ListResourceTemplatesResult>;
        read_resource(asked: ReadResourceRequestParams, context: Context) -> Answer<ReadResourceResponse>;
        read_resource_directory(asked: ReadResourceDirectoryRequestParams, context: Context) -> Answer<ReadResourceDirectoryResult>;
        subscribe(asked: SubscribeRequestParams, context: Context) -> Answer<()>;
        unsubscribe(asked: UnsubscribeRequestParams, context: Context) -> Answer<()>;
        listen(context: SubscriptionContext) -> Answer<()>;
        list_skills(asked: Option<PaginatedRequestParams>, context: Context) -> Answer<ListSkillsResult>;
        get_skill(asked: GetSkillRequestParams, context: Context) -> Answer<GetSkillResult>;
        get_task(asked: GetTaskParams, context: Context) -> Answer<GetTaskResult>;
        update_task(asked: UpdateTaskParams, context: Context) -> Answer<()>;
        cancel_task(asked: CancelTaskParams, context: Context) -> Answer<()>;
        on_custom_request(asked: CustomRequest, context: Context) -> Answer<CustomResult>;
        on_cancelled(told: CancelledNotificationParam, context: Told) -> ();
        on_progress(told: ProgressNotificationParam, context: Told) -> ();
        on_initialized(context: Told) -> ();
        on_roots_list_changed(context: Told) -> ();
        on_custom_notification(told: CustomNotification, context: Told) -> ();
    }
}
