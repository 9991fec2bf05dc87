// Requests to the plug-in. Same origin, Airflow's own cookie, and a header that no other site can send.

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const UNREACHABLE = "The server cannot be reached. Check the network; what you see is still here.";

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: { "x-tm-review": "1", accept: "application/json", ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new ApiError(0, UNREACHABLE);
  }
  if (!answer.ok) throw new ApiError(answer.status, await explained(answer));
  return (await answer.json()) as T;
}

async function explained(answer: Response): Promise<string> {
  if (answer.status === 401) return "You are no longer signed in to Airflow. Sign in again in another tab, then go on here.";
  try {
    const detail: unknown = ((await answer.json()) as { detail?: unknown }).detail;
    if (typeof detail === "string") return detail;
    if (Array.isArray(detail)) return detail.map((one: { msg?: string }) => one.msg ?? "").join("; ");
  } catch {
    // no JSON: the status must do
  }
  return `The server answered ${answer.status}. Try again; if it stays so, its log says why.`;
}

/** A query string of what is set. */
export function query(values: Record<string, string | number | undefined>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) if (value !== undefined && value !== "") found.set(name, String(value));
  const text = found.toString();
  return text ? `?${text}` : "";
}

export const get = <T>(path: string): Promise<T> => request<T>("GET", `api/${path}`);
export const post = <T>(path: string, body: unknown = {}): Promise<T> => request<T>("POST", `api/${path}`, body);
