/**
 * Whether a paid answer came to its end. One that says that it is short is read before it is handed on, so that one
 * that is cut short is asked for again. A longer one, or a stream, is handed on as it comes, and watched: read it to
 * its end, or cancel it.
 */

/** The longest answer that is read before it is handed on, in bytes. */
const SHORT_BYTES = 256 << 10;

/** The answer, and whether all of it is here. */
export interface Received {
  readonly response: Response;
  readonly whole: boolean;
}

/** Reads an answer to its end if it says that it is short. Throws what reading throws. */
export async function wholeIfShort(response: Response): Promise<Received> {
  const length = response.headers.get("Content-Length");
  if (response.body === null) return { response, whole: true };
  if (length === null || !(Number(length) <= SHORT_BYTES)) return { response, whole: false };
  return { response: withBody(response, await response.arrayBuffer()), whole: true };
}

/** The same answer, which says how it ended: read to its end, or not. */
export function watched({ response, whole }: Received, ended: (complete: boolean) => Promise<void>): Response {
  if (whole || response.body === null) return response;
  const reader = response.body.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          await ended(true);
          controller.close();
        } catch (error) {
          await ended(false);
          controller.error(error);
        }
      },
      async cancel(reason) {
        await ended(false);
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
  return withBody(response, body);
}

function withBody(response: Response, body: ArrayBuffer | ReadableStream<Uint8Array>): Response {
  const { status, statusText, headers, url } = response;
  // These have none, by the constructor's rules.
  const bare = [204, 205, 304].includes(status);
  const same = new Response(bare ? null : body, { status, statusText, headers });
  return Object.defineProperty(same, "url", { value: url });
}
