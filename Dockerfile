# The server in a container: MCP on standard input and output, as docker run -i gives it; or over HTTP, by serve --http.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY prompts prompts
COPY mcp_shortvol mcp_shortvol
RUN pip install --no-cache-dir --prefix=/installed .

FROM python:3.12-slim
COPY --from=build /installed /usr/local
RUN useradd --system --create-home --uid 10001 shortvol && install -d -o shortvol /data
USER shortvol
ENV SHORTVOL_DATA_DIR=/data PYTHONUNBUFFERED=1
VOLUME /data
# Over standard input and output there is no port to ask: what can be checked is that the program starts.
HEALTHCHECK --interval=60s --timeout=20s CMD ["mcp-shortvol", "--version"]
ENTRYPOINT ["mcp-shortvol"]
CMD ["serve"]
