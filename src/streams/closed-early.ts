/** Says that the client has gone, whichever way the stream to it told of that. */
export function closedEarly(cause: unknown): Error {
  return Object.assign(new Error('the stream closed before its end', { cause }), {
    code: 'ERR_STREAM_PREMATURE_CLOSE',
  })
}
