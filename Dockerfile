# PostgreSQL with attrib:
#   docker build -t attrib .
#   docker run --rm -e POSTGRES_PASSWORD=secret -p 5432:5432 attrib
#   CREATE EXTENSION attrib;
ARG PG_MAJOR=15
FROM postgres:${PG_MAJOR}-bookworm AS build
ARG PG_MAJOR
RUN apt-get update \
	&& apt-get install -y --no-install-recommends gcc make libc6-dev libgsl-dev postgresql-server-dev-${PG_MAJOR}
COPY . /attrib
RUN make -C /attrib clean all && make -C /attrib install DESTDIR=/installed

FROM postgres:${PG_MAJOR}-bookworm
RUN apt-get update \
	&& apt-get install -y --no-install-recommends libgsl27 \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=build /installed/ /
