# Benzer in a container: `docker build -t benzer .`, then
#
#   docker run --rm -p 127.0.0.1:8501:8501 -v benzer:/data -v "$HOME/Pictures":/pictures:ro benzer
#
# TORCH names the build of PyTorch as uv does: cpu, cu128 (then run with --gpus all) or another version of CUDA; empty,
# it is the build on the default index, for networks that reach no other.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY . .
RUN pip install --no-cache-dir "hatchling==1.33.0" "hatch-requirements-txt==0.4.1" \
    && python -m hatchling build -t wheel -d /wheels

FROM python:${PYTHON}-slim
ARG TORCH=cpu
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "uv==0.13.9" \
    && uv pip install --system --no-cache --compile-bytecode ${TORCH:+"--torch-backend=${TORCH}"} /wheels/*.whl \
    && useradd --create-home --uid 1000 benzer \
    && install --directory --owner benzer /data /pictures
USER 1000
WORKDIR /home/benzer
# The loops of searches, for the processor that builds the image; on another one they are compiled anew.
RUN python -m benzer.engine.indexes.ahead
# The server listens to the container's own network; requests that name another host than localhost are still refused.
ENV BENZER_HOME=/data \
    BENZER_ROOTS=/pictures \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["benzer"]
CMD ["open", "--no-browser", "--port", "8501"]
