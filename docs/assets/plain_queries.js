// What is typed into the search is text. The theme would read signs in it, such as the "--" of an option or the ":" of an
// error, as orders of a language for queries, and find nothing. Loaded after iframe-worker.js, which may exchange Worker.
{
  const QUERY = 2;
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message, ...further) {
    const asked = message?.type === QUERY;
    const text = asked ? message.data.replace(/[:~^*+"'`]|\B-+/g, " ") : "";
    return post.call(this, asked ? { ...message, data: text } : message, ...further);
  };
}
